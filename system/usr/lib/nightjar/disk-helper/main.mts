/**
 * The privileged helper: what Nightjar needs root for, of disks, and nothing more. systemd starts it for one connection;
 * it reads one JSON line, does what it says or refuses, answers with one JSON line, and ends. Runs on bare Node: no package
 * is loaded, and of the daemon's source no line (its types are stripped). It does not trust the daemon.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { HelperReply } from '../../../../../src/disks/helper-protocol.ts';
import { thisMachine } from './machine.mts';
import { parseRequest, Refused, requestBytesMax } from './request.mts';
import { lastWords } from './text.mts';
import { perform } from './verbs.mts';

const requestMsMax = 5_000;
const replyBytesMax = 1024 * 1024;

const { values: given } = parseArgs({
  options: { peer: { type: 'string' }, user: { type: 'string' }, 'test-disks': { type: 'string' } },
});
process.umask(0o022);
const owner = userOf(given.user ?? '');
const { line, reply } = await answer();
process.stderr.write(`${line}\n`);
process.stdout.on('error', () => undefined);
// Nobody may be waiting any more; what was asked is done all the same.
process.stdout.write(`${reply}\n`, () => process.exit(0));

async function answer(): Promise<{ line: string; reply: string }> {
  let verb = 'request';
  try {
    const uid = peerOf(given.peer ?? '');
    if (uid !== 0 && uid !== owner?.uid) throw new Refused('not-allowed', 'This user may not ask the disk helper.');
    const request = parseRequest(await readLine());
    verb = `${request.verb}${'disk' in request ? ` ${request.disk.name}` : ''} for ${uid}`;
    const settings = { owner: owner ?? { uid: 0, gid: 0 }, testDisks: given['test-disks']?.split(',') };
    const reply = JSON.stringify({
      ok: true,
      ...(await perform(request, thisMachine, settings)),
    } satisfies HelperReply);
    if (reply.length > replyBytesMax) throw new Refused('failed', 'The answer is too long.');
    return { line: `${verb}: done`, reply };
  } catch (error) {
    const inside = 'The disk helper met an error of its own; the box’s journal has it.';
    const { code, message } = error instanceof Refused ? error : new Refused('failed', inside);
    const why = error instanceof Refused ? lastWords(message, 300) : String((error as Error).stack);
    return {
      line: `${verb}: ${code}: ${why}`,
      reply: JSON.stringify({ ok: false, code, message } satisfies HelperReply),
    };
  }
}

/**
 * The uid at the other end, by SO_PEERCRED, which Node cannot ask for: systemd asks when it accepts, and names the instance
 * `<number>-<pid>-<uid>`; newer ones put a cookie before the pid and the pidfd's id behind it. The uid is always the last.
 * Any other form (`<number>-unknown`, an address) lets nobody in.
 */
function peerOf(instance: string): number | undefined {
  const uid = /^\d+(?:-\d+)?-\d+(?:_\d+)?-(\d+)$/.exec(instance)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** passwd(5) */
function userOf(name: string): { uid: number; gid: number } | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [, , uid, gid] = lines.map((line) => line.split(':')).find(([user]) => user === name && name !== '') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

async function readLine(): Promise<string> {
  const timer = setTimeout(() => process.stdin.destroy(new Error('silent')), requestMsMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (chunk.includes(0x0a) || bytes > requestBytesMax) break;
    }
  } catch {
    // Silent for too long: no request, as if it had ended.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8').split('\n')[0] ?? '';
}
