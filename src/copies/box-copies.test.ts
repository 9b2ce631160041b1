import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BoxCopies, type BoxCopiesDeps } from './box-copies.ts';
import { sealed } from './sealed-file.ts';

test('a disk that hangs does not hold up the box’s other jobs', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-hangs-'));
  const folder = join(dir, '.nightjar/box-state');
  mkdirSync(folder, { recursive: true });
  // Nobody writes to it: who opens it to read waits as for a disk that does not answer.
  const pipe = join(folder, '2026-06-10T08-00-00.sealed');
  execFileSync('mkfifo', [pipe]);
  const open = { disk: { resolve: (path: string) => join(dir, path) } };
  const library = { state: 'ok', current: () => open, failed: async (_open: unknown, error: unknown) => error };
  const recoveryKey = { wrapsForCopy: () => undefined };
  const copies = new BoxCopies({ library, recoveryKey, now: Date.now } as unknown as BoxCopiesDeps);
  const [handler] = Object.values(copies.handlers());
  const stop = new AbortController();
  const job = { kind: 'seal-box-state', key: '', version: 1, payload: {}, attempt: 1 };
  const run = handler?.run(job, stop.signal);
  stop.abort(new Error('the lease is over'));
  await expect(run).rejects.toThrow('the lease is over');
  // Lets whoever opened it go, which may be before all of this is written.
  await writeFile(pipe, 'no copy').catch((error: unknown) => expect(error).toMatchObject({ code: 'EPIPE' }));
  rmSync(dir, { recursive: true });
});

test('a disk that goes away while a copy is opened is a failure, and not the end of the box', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-goes-'));
  const file = join(dir, 'copy.sealed');
  const dataKey = randomBytes(32);
  const recovery = { nonce: 'A'.repeat(16), sealed: 'A'.repeat(64) };
  const wraps = JSON.stringify({ version: 1, fingerprint: '0'.repeat(32), recovery, password: null, box: null });
  const head = { boxId: 'box', box: 'attic', madeAt: 1, salt: randomBytes(32).toString('base64url'), wraps };
  await writeFile(file, sealed(head, dataKey, Readable.from([randomBytes(100_000)])));
  const openCopied = async () => {
    rmSync(file);
    return dataKey;
  };
  const copies = new BoxCopies({ recoveryKey: { openCopied } } as unknown as BoxCopiesDeps);
  // What nobody listens to ends the process, and this test with it.
  await expect(copies.openCopy(file, join(dir, 'opened'), { password: 'of hers' })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await new Promise((resolve) => setImmediate(resolve));
  rmSync(dir, { recursive: true });
});
