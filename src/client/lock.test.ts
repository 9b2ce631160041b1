import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lock } from './lock.ts';

let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'nightjar-lock-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

test('one at a time from one folder, whatever its path is called', async () => {
  const held = await lock(join(work, 'one'));
  await expect(lock(join(work, 'one'))).rejects.toMatchObject({ code: 'busy' });
  await expect(lock(join(work, '.', 'two', '..', 'one'))).rejects.toMatchObject({ code: 'busy' });
  await (await lock(join(work, 'two'))).release();
  await held.release();
  await (await lock(join(work, 'one'))).release();
});

test('a process that is killed leaves no lock behind', async () => {
  const script = `
    import { lock } from ${JSON.stringify(fileURLToPath(new URL('lock.ts', import.meta.url)))};
    await lock(${JSON.stringify(work)});
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script]);
  await once(child.stdout, 'data');
  await expect(lock(work)).rejects.toMatchObject({ code: 'busy' });
  child.kill('SIGKILL');
  await once(child, 'close');
  await (await lock(work)).release();
});
