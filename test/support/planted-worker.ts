/**
 * In place of the worker that makes pictures: does what the name of the file says, so that a test can say when it
 * crashes, lies or takes its time. Started as the real one is, with the path of its socket.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

type Job = { id: number; file: string; name: string; kind: string };

const [, , path = '', journal = process.env['PLANTED_JOURNAL']] = process.argv;

/** A WebP by its head alone (RFC 9649, section 2.4). */
function webp(text: string): Buffer {
  const rest = Buffer.from(`WEBP${text}`);
  const head = Buffer.alloc(8);
  head.write('RIFF', 'latin1');
  head.writeUInt32LE(rest.length, 4);
  return Buffer.concat([head, rest]);
}

function answer(socket: Socket, job: Job): void {
  if (journal !== undefined) appendFileSync(journal, `${job.name}\n`);
  const say = (value: object, ...bytes: Buffer[]) =>
    socket.write(Buffer.concat([Buffer.from(`${JSON.stringify({ id: job.id, ...value })}\n`), ...bytes]));
  if (job.name.includes('crash')) process.exit(1);
  else if (job.name.includes('lies')) say({ ok: true, width: 4, height: 3, grid: 1e12, preview: 1 });
  else if (job.name.includes('babbles')) socket.write('x'.repeat(100_000));
  else if (job.name.includes('other')) say({ id: job.id + 1, ok: false, code: 'damaged', reason: 'Not this one.' });
  else if (job.name.includes('broken')) say({ ok: false, code: 'damaged', reason: 'It ends in the middle.' });
  else {
    const grid = webp(`grid of ${job.name}`);
    const preview = webp(`preview of ${job.name}`.padEnd(job.name.includes('large') ? 200_000 : 0, '.'));
    const facts = { width: 4, height: 3, durationMs: null, thumbhash: 'AQID', motion: null };
    say({ ok: true, ...facts, grid: grid.length, preview: preview.length }, grid, preview);
  }
}

const server = createServer((socket) => {
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    text += bytes.toString();
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const job = JSON.parse(text.slice(0, end)) as Job;
      text = text.slice(end + 1);
      // Some time, so that others can ask meanwhile.
      setTimeout(() => answer(socket, job), 30);
    }
  });
  socket.on('close', () => process.exit(0));
});
server.listen(path);
