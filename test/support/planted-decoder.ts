/**
 * The media worker with a decoder that does what the file's name says, and the real one's work for every other file:
 * to see that what goes wrong while decoding costs the worker and nothing else.
 *
 *   node planted-decoder.ts SOCKET [IDLE_MS] [PHOTO_MS] [MEMORY_BYTES]
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Decode, decode } from '../../src/media/decode.ts';
import { temporaryFolder } from '../../src/media/temporary.ts';
import { runTool } from '../../src/media/tool.ts';
import { serve } from '../../src/media/worker.ts';

const [, , listen = '', idleMs = 60_000, photoMs = 30_000, memoryBytes] = process.argv;
const leaked: Buffer[] = [];

const plantedDecode: Decode = async (job, context) => {
  if (job.name.startsWith('loop')) for (;;);
  if (job.name.startsWith('wait')) await new Promise(() => undefined);
  if (job.name.startsWith('crash')) process.abort();
  if (job.name.startsWith('throw')) throw new Error('planted');
  if (job.name.startsWith('leak')) {
    // Pages that are written to: others are no memory. Then it stays so: nothing but a limit ends it.
    while (leaked.length < 256) leaked.push(Buffer.alloc(4 * 1024 * 1024, 1));
    for (;;);
  }
  if (job.name.startsWith('child')) {
    writeFileSync(join(await temporaryFolder(), 'left'), 'behind');
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    writeFileSync(job.file, String(child.pid));
    for (;;);
  }
  if (job.name.startsWith('tool')) {
    const limits = { signal: context.signal, timeoutMs: 1_000_000, outputBytesMax: 1 };
    await runTool('sh', ['-c', `echo $$ > '${job.file}'; exec sleep 1000`], limits);
  }
  return await decode(job, context);
};

await serve({
  decode: plantedDecode,
  listen,
  idleMs: Number(idleMs),
  photoMs: Number(photoMs),
  ...(memoryBytes === undefined ? {} : { memoryBytes: Number(memoryBytes) }),
});
