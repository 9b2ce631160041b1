/**
 * What the phone client makes durable, and in which order, as the kernel sees it (strace). Each expectation fails when
 * that one sync is taken out of the source:
 *
 * | Sync in the source | What misses it |
 * | --- | --- |
 * | client/config-store.ts `#write`: file | the pairing: its bytes before its name |
 * | client/config-store.ts `#write`: folder | the pairing: its name after it is there |
 * | client/download.ts `run`: file | a restored file: its bytes before its name |
 * | client/place.ts: folder | a restored file: its name before "done" is said |
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { readTrace, type SystemTrace, traceTo, tracingMissing } from '../support/system-trace.ts';

const projectDir = new URL('../..', import.meta.url).pathname;
const missing = tracingMissing();
if (missing !== undefined) say(`the client's syncs cannot be tested here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('syncs of the phone client', () => {
  let dir = '';
  let pairing: SystemTrace;
  let restore: SystemTrace;

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`The client's syncs cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njcs-'));
    await using box = await Daemon.start({ dir });
    await box.setUp('Alice');
    const { token } = await box.pair('Alice', 'Other phone');
    const metadata = `path ${Buffer.from('note.txt').toString('base64')}`;
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '5', 'upload-metadata': metadata };
    const body = Buffer.from('12345');
    const type = { 'content-type': 'application/offset+octet-stream' };
    const sent = await box.ask('POST', '/api/uploads', { token, body, headers: { ...headers, ...type } });
    if (sent.status !== 201) throw new Error(`The upload was refused: ${sent.status}`);
    const { link } = (await box.console('POST', '/api/pairings', { person: 'Alice', phone: 'Traced' })) as {
      link: string;
    };
    pairing = await traced(dir, 'pair', ['pair', link]);
    restore = await traced(dir, 'restore', ['restore', join(dir, 'back')]);
    expect(await readdir(join(dir, 'back/Files/Alice'))).toEqual(['note.txt']);
  });
  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('the pairing: its bytes are synced before it has its name', () => {
    const renamed = only(pairing.find(/^rename/, /pairing\.json"/));
    expect(pairing.syncsOf(/\/\.pairing\.json\.[^>]*/).some((sync) => sync.ended < renamed.began)).toBe(true);
  });

  it('the pairing: its name is synced', () => {
    const renamed = only(pairing.find(/^rename/, /pairing\.json"/));
    expect(pairing.syncsOf(/\/phone/).some((sync) => sync.began > renamed.ended)).toBe(true);
  });

  it('a restored file: its bytes are synced before it has its name', () => {
    const linked = only(restore.find(/^link/, /note\.txt"/));
    expect(restore.syncsOf(/note\.txt[^>]*/).some((sync) => sync.ended < linked.began)).toBe(true);
  });

  it('a restored file: its name is synced before "done" is said', () => {
    const linked = only(restore.find(/^link/, /note\.txt"/));
    const done = only(restore.find(/^write/, /^1<[^>]*>, "\{\\"event\\":\\"done/));
    const syncs = restore.syncsOf(/\/back\/Files\/Alice/);
    expect(syncs.some((sync) => sync.began > linked.ended && sync.ended < done.began)).toBe(true);
  });
});

async function traced(dir: string, name: string, args: string[]): Promise<SystemTrace> {
  const file = join(dir, `trace-${name}`);
  const [command = '', ...before] = traceTo(file);
  const client = [
    process.execPath,
    join(projectDir, 'src/client/main.ts'),
    ...args,
    '--json',
    '--config',
    join(dir, 'phone'),
  ];
  execFileSync(command, [...before.filter((word) => word !== '-D'), ...client], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return await readTrace(file);
}

function only<T>(found: readonly T[]): T {
  const [one] = found;
  if (one === undefined || found.length !== 1) throw new Error(`Expected one such call, found ${found.length}.`);
  return one;
}
