/**
 * What must have reached the disk before the box says so, and in which order, as the kernel sees it (strace). A power
 * cut cannot show each of these: on ext4 one sync's journal commit carries the names of others. Each expectation is a
 * test of its own, which fails when that one sync is taken out of the source:
 *
 * | Sync in the source | What misses it |
 * | --- | --- |
 * | uploads/received-file.ts `sync` | the next two |
 * | uploads/upload.ts `settle`: file | an offset: the bytes before the catalogue says so |
 * | uploads/upload.ts `settle`: incoming folder | an offset: the received file's name |
 * | uploads/upload.ts `settle`: note | an offset: the note; after a kill: what is noted durably |
 * | uploads/upload.ts `#noteReceiving`: note | a large file: a note now and then |
 * | uploads/upload.ts `finish`: syncSource | a photo: its bytes before its name; power cuts |
 * | uploads/receiving.ts: file, every 16 MiB | a large file: at least every 16 MiB |
 * | library/publishing.ts `#publishAt`: folder | a photo: its name after it is there |
 * | library/publishing.ts `#settleAlone`: folder | after a kill: a name that was there already |
 * | library/publishing.ts `#takeBack`: folder | a failed sync: its name is gone before its reservation |
 * | library/library.ts: incoming folder made | an offset: the folder of received files |
 * | platform/durable-files.ts `FolderMaker`: parent | a photo: each new folder |
 * | platform/durable-files.ts `replaceFileDurably`: file, folder | claim and first request: bytes, name |
 * | platform/database.ts: synchronous=FULL | every test of a commit or a note; power cuts |
 * | platform/database.ts `syncLog` | after a kill: what is read is synced |
 * | disks/disk.ts `adopt`: folder | claim: the folder of the disk's marker |
 * | http/identity.ts: folder | first request: the folder of the box's keys |
 * | access/setup-code.ts `remove`: folder | claim: the used setup code's end |
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { recordTests } from '../support/results.ts';
import { readTrace, type SystemCall, type SystemTrace, traceTo, tracingMissing } from '../support/system-trace.ts';
import { killedScenario, reservedScenario, scenario, takenBackScenario } from './sync-order-scenario.ts';

const missing = tracingMissing();
if (missing !== undefined) say(`the order of syncs cannot be tested here: ${missing}`);

const libraryLog = /\/library\.sqlite-wal/;
const received = /\/incoming\/[0-9a-f]{32}/;
const stateLog = /\/nightjar\.sqlite-wal/;
type Step = { window: SystemTrace; answer: SystemCall };

/** The scenario runs once under strace; each test looks at what happened before one of its answers. */
describe.skipIf(missing !== undefined && maySkip)('before the box answers', () => {
  let dir = '';
  let trace: SystemTrace;
  const asked = new Map<string, number>();
  let traceAfterKill: SystemTrace;
  let afterReservation: Awaited<ReturnType<typeof reservedScenario>>;
  let takenBack: Awaited<ReturnType<typeof takenBackScenario>>;
  recordTests('order of syncs', { told: () => 'as the kernel saw it' });
  const step = (name: string): Step => trace.untilAnswer(asked.get(name) ?? -1);
  const afterKill = (name: string): Step => traceAfterKill.untilAnswer(asked.get(name) ?? -1);

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    dir = await mkdtemp(join(tmpdir(), 'njso-'));
    const file = join(dir, 'trace');
    const options = treeDir === undefined ? {} : { treeDir };
    await using daemon = await Daemon.start({ dir, wrapper: traceTo(file), ...options });
    const token = await scenario(daemon, async (name, status, run) => {
      asked.set(name, daemon.answers);
      const reply = await run();
      expect(reply.status, `${name}: ${reply.body}`).toBe(status);
      return reply;
    });
    await daemon.stop();
    trace = await readTrace(file);
    const note = (name: string, index: number) => asked.set(name, index);
    afterReservation = await reservedScenario({ dir, ...options }, token, note);
    takenBack = await takenBackScenario({ dir, ...options }, token);
    traceAfterKill = await killedScenario({ dir, ...options }, token, note);
  }, 180_000);
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  describe('to a claim of the box', () => {
    it('the box state’s commit is synced', () => expectStateCommitted(step('claim')));

    it('the folder of the disk’s marker is synced in its parent, before the marker is there', () => {
      const { window } = step('claim');
      const made = one(window.find(/^mkdir/, /\.nightjar"/));
      const placed = one(window.find(/^rename/, /disk\.json"/));
      expect(syncedBetween(window, /\/disk/, made.ended, placed.began)).toBe(true);
    });

    it('the marker’s bytes are synced before its name is there', () => {
      const { window } = step('claim');
      const placed = one(window.find(/^rename/, /disk\.json"/));
      expect(syncedBetween(window, /\/disk\.json\.new/, 0, placed.began)).toBe(true);
    });

    it('the marker’s name is synced', () => {
      const { window } = step('claim');
      const placed = one(window.find(/^rename/, /disk\.json"/));
      const next = one(window.find(/^rename/, /README-NIGHTJAR\.txt"/));
      expect(syncedBetween(window, /\/\.nightjar/, placed.ended, next.began)).toBe(true);
    });

    it('the used setup code’s end is synced', () => {
      const { window, answer } = step('claim');
      const committed = last(window.writesTo(stateLog)).ended;
      expect(syncedBetween(window, /\/state/, committed, answer.began)).toBe(true);
    });
  });

  describe('to the first request of all', () => {
    it('the folder of the box’s keys is synced in its parent', () => {
      const made = one(trace.find(/^mkdir/, /\/tls"/));
      expect(syncedBetween(trace, /\/state/, made.ended, placed('authority').began)).toBe(true);
    });

    for (const file of ['authority', 'name-leaf', 'address-leaf']) {
      it(`the bytes of ${file} are synced before its name is there`, () => {
        expect(syncedBetween(trace, new RegExp(`/${file}\\.json\\.new`), 0, placed(file).began)).toBe(true);
      });
      it(`the name of ${file} is synced`, () => {
        const next = { authority: 'name-leaf', 'name-leaf': 'address-leaf' }[file];
        const end = next === undefined ? (trace.answers()[0]?.began ?? 0) : placed(next).began;
        expect(syncedBetween(trace, /\/tls/, placed(file).ended, end)).toBe(true);
      });
    }

    function placed(file: string): SystemCall {
      return one(trace.find(/^rename/, new RegExp(`/${file}\\.json"`)));
    }
  });

  for (const name of ['pairing opened', 'pairing redeemed', 'person added']) {
    it(`to a ${name}: the box state’s commit is synced`, () => expectStateCommitted(step(name)));
  }

  describe('to a photo that came in one request', () => {
    for (const name of ['first photo', 'next photo']) {
      it(`${name}: its bytes are synced before its name is there`, () => {
        const { window } = step(name);
        const { linked, id } = link(window);
        const written = last(window.writesTo(new RegExp(`/incoming/${id}`))).ended;
        expect(syncedBetween(window, new RegExp(`/incoming/${id}`), written, linked.began)).toBe(true);
      });

      it(`${name}: its reservation’s commit is synced before its name is there`, () => {
        const { window } = step(name);
        const { linked } = link(window);
        expect(commitsBetween(window, libraryLog, 0, linked.began)).not.toEqual([]);
      });

      it(`${name}: its name is synced after it is there`, () => {
        const { window, answer } = step(name);
        const { linked, folder } = link(window);
        expect(syncedBetween(window, new RegExp(`/${folder}`), linked.ended, answer.began)).toBe(true);
      });
    }

    it('each new folder is synced in its parent before the name is there', () => {
      const { window } = step('first photo');
      const { linked, folder } = link(window);
      const parts = folder.split('/');
      expect(parts).toHaveLength(4);
      for (const [index, part] of parts.entries()) {
        const path = parts.slice(0, index + 1).join('/');
        const made = one(window.find(/^mkdir/, new RegExp(`/fd/\\d+/${path}"`)));
        const parent = index === 0 ? '/disk' : `/disk/${parts.slice(0, index).join('/')}`;
        expect(syncedBetween(window, new RegExp(parent), made.ended, linked.began), part).toBe(true);
      }
    });
  });

  describe('to an offset of an unfinished upload', () => {
    it('the upload’s row is synced when it is begun', () => {
      const { window, answer } = step('begun');
      expect(commitsBetween(window, libraryLog, 0, answer.began)).not.toEqual([]);
    });

    for (const name of ['first part', 'second part']) {
      it(`${name}: the bytes are synced before the catalogue says so`, () => {
        const { window, answer } = step(name);
        const written = last(window.writesTo(received)).ended;
        const noted = last(commitsBetween(window, libraryLog, 0, answer.began)).began;
        expect(syncedBetween(window, received, written, noted)).toBe(true);
      });

      it(`${name}: the note of it is synced`, () => expectNoteSynced(step(name)));
    }

    it('the received file’s name is synced', () => {
      const { window, answer } = step('first part');
      expect(syncedBetween(window, /\/\.nightjar\/incoming/, 0, answer.began)).toBe(true);
    });

    it('the folder of received files is synced in its parent', () => {
      const made = one(trace.find(/^mkdir/, /\/\.nightjar\/incoming"/));
      const used = first(trace.writesTo(received)).began;
      expect(syncedBetween(trace, /\/\.nightjar/, made.ended, used)).toBe(true);
    });
  });

  describe('while a large file is received', () => {
    it('what came is synced at least every 16 MiB, so that little is left to sync at its end', () => {
      const { window } = step('large file');
      const end = last(window.writesTo(received)).began;
      const syncs = window.syncsOf(received).filter((sync) => sync.began < end);
      expect(syncs.length).toBeGreaterThanOrEqual(3);
    });

    it('a note of it is synced now and then, so that a power cut does not cost all of it', () => {
      const { window } = step('large file');
      const writes = window.writesTo(received);
      const [sync] = window.syncsOf(received);
      expect(syncedBetween(window, libraryLog, sync?.ended ?? Infinity, last(writes).began)).toBe(true);
    });
  });

  describe('after it was killed', () => {
    it('a phone that asks is told what is noted durably, also when the note was not', () =>
      expectNoteSynced(afterKill('asked again')));

    for (const [name, log] of Object.entries({ catalogue: libraryLog, 'box state': stateLog })) {
      it(`what is read in the ${name} is synced: its last commit may never have been`, () => {
        const { window, answer } = afterKill('first answer');
        const [write = answer] = window.writesTo(log);
        expect(syncedBetween(window, log, 0, write.began)).toBe(true);
      });
    }

    it('a photo that was reserved, and perhaps not synced, is not published: its reservation is dropped', () => {
      const { trace: after, left } = afterReservation;
      const { answer } = after.untilAnswer(asked.get('sent again') ?? -1);
      // The only link is that of the photo that was sent again.
      expect(link(after).linked.began).toBeGreaterThan(after.untilAnswer(0).answer.began);
      expect(link(after).linked.ended).toBeLessThan(answer.began);
      expect(left).toEqual([]);
    });

    it('its bytes are synced before its name is there, when they are sent again', () => {
      const { window } = afterReservation.trace.untilAnswer(asked.get('sent again') ?? -1);
      const { linked, id } = link(window);
      const written = last(window.writesTo(new RegExp(`/incoming/${id}`))).ended;
      expect(syncedBetween(window, new RegExp(`/incoming/${id}`), written, linked.began)).toBe(true);
    });

    it('a name that was there already is synced before anybody is told', () => {
      const { window, answer } = afterKill('first answer');
      expect(syncedBetween(window, /\/Photos\/Alice\/2025\/2025-07/, 0, answer.began)).toBe(true);
    });
  });

  it('to a photo whose name could not be synced: its name is durably gone before its reservation is', () => {
    const { trace: refused, status } = takenBack;
    expect(status).toBe(507);
    const { linked } = link(refused);
    const failed = one(refused.calls.filter(({ result }) => result.includes('(INJECTED)')));
    expect(failed.args).toContain('/2025-07>');
    expect(failed.began).toBeGreaterThan(linked.ended);
    const removed = one(refused.find(/^unlink/, /\/Photos\/Alice\/2025\/2025-07\//));
    expect(removed.began).toBeGreaterThan(failed.ended);
    // By the handle that syncs what it commits: the other one writes of pictures and jobs at any time.
    const durable = new Set(refused.syncsOf(libraryLog).map(handleOf));
    const [dropped = removed] = refused
      .writesTo(libraryLog)
      .filter((write) => write.began > linked.began && durable.has(handleOf(write)));
    expect(syncedBetween(refused, /\/2025-07/, removed.ended, dropped.began)).toBe(true);
    expect(commitsBetween(refused, libraryLog, removed.ended, Infinity)).not.toEqual([]);
  });
});

/** The file descriptor that a call was made on. */
function handleOf({ args }: SystemCall): string | undefined {
  return /^\d+/.exec(args)?.[0];
}

/** The publishing link in a window: the call, the upload's id and the folder on the disk. */
function link(window: SystemTrace): { linked: SystemCall; id: string; folder: string } {
  const linked = one(window.find(/^link/, /\/\.nightjar\/incoming\//));
  const [, id = '', target = ''] =
    /\/incoming\/([0-9a-f]{32})".*\/proc\/self\/fd\/\d+\/(Photos[^"]*)"/.exec(linked.args) ?? [];
  return { linked, id, folder: target.split('/').slice(0, -1).join('/') };
}

/** A sync began after the last write to the box state's log had returned, and returned before the answer. */
function expectStateCommitted({ window, answer }: Step): void {
  expect(syncedBetween(window, stateLog, last(window.writesTo(stateLog)).ended, answer.began)).toBe(true);
}

/** The catalogue was committed after the received file's own sync: what comes before is not about these bytes. */
function expectNoteSynced({ window, answer }: Step): void {
  const synced = last(window.syncsOf(received)).ended;
  expect(commitsBetween(window, libraryLog, synced, answer.began)).not.toEqual([]);
}

/** Writes to a log that a sync of it followed. Others may come between: what may be lost is written without a sync. */
function commitsBetween(window: SystemTrace, log: RegExp, after: number, before: number): SystemCall[] {
  const writes = window.writesTo(log).filter((write) => write.began > after);
  return window
    .syncsOf(log)
    .filter((sync) => sync.ended < before)
    .flatMap((sync) => writes.filter((write) => write.ended < sync.began).slice(-1));
}

function syncedBetween(window: SystemTrace, path: RegExp, after: number, before: number): boolean {
  return window.syncsOf(path).some((sync) => sync.began > after && sync.ended < before);
}

function one(calls: readonly SystemCall[]): SystemCall {
  expect(calls).toHaveLength(1);
  return last(calls);
}

function first(calls: readonly SystemCall[]): SystemCall {
  return last(calls.slice(0, 1));
}

function last(calls: readonly SystemCall[]): SystemCall {
  const call = calls.at(-1);
  if (call === undefined) throw new Error('The trace has no such call.');
  return call;
}
