/**
 * A restore drill: a random handful of originals comes back from there into a folder of its own, and is held against the
 * checksums that the catalogue has. Which ones, its seed decides.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { posix } from 'node:path';
import type { OpenLibrary } from '../library/open-library.ts';
import { systemCode } from '../platform/errors.ts';
import type { DrillView } from './contract.ts';
import type { Engine } from './engine.ts';
import { offboxFailed } from './reasons.ts';
import { type Asker, type Snapshot, snapshotsOf } from './snapshots.ts';
import { offboxFolder } from './tree.ts';

type Sample = Readonly<{ id: number; path: string; size: number; sha256: Buffer; person: string }>;

const filesMax = 12;
const triesMax = 60;
const bytesMax = 256 * 1024 * 1024;
const drillMs = 2 * 3_600_000;
const folder = `${offboxFolder}/drill`;

/** @throws {CodedError} `offbox-failed` */
export async function drill(
  { engine, asker, open, boxId }: { engine: Engine; asker: Asker; open: OpenLibrary; boxId: string },
  { seed, reserveBytes, now }: { seed: string; reserveBytes: number; now: () => number },
): Promise<DrillView> {
  const snapshot = (await snapshotsOf(engine, asker, boxId)).find(({ whole }) => whole);
  if (snapshot === undefined) throw offboxFailed('no-copy-there');
  const room = Math.max(0, (await open.disk.freeBytes()) - reserveBytes) / 2;
  const samples = sampleOf(open, seed, { before: snapshot.at, bytesMax: Math.min(bytesMax, room) });
  const target = open.disk.resolve(folder);
  await rm(target, { recursive: true, force: true });
  try {
    if (samples.length > 0) await bringBack(engine, asker, snapshot, samples);
    const files: DrillView['files'] = [];
    for (const { path, size, sha256, person } of samples) {
      const found = await hashOf(open.disk.resolve(`${folder}/${path}`));
      const result = found === undefined ? 'missing' : found.equals(sha256) ? 'right' : 'other-bytes';
      files.push({ name: posix.basename(path), person, size, result });
    }
    const ok = files.every(({ result }) => result === 'right');
    return { at: now(), seed, snapshotAt: snapshot.at, ok, files };
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

async function bringBack(engine: Engine, asker: Asker, snapshot: Snapshot, samples: readonly Sample[]): Promise<void> {
  const included = samples.flatMap(({ path }) => ['--include', `/${escaped(path)}`]);
  // Status 1: some could not be restored; which ones, their absence says.
  const args = ['restore', snapshot.id, '--target', folder, ...included];
  const answer = await engine.run({ ...asker, args, timeoutMs: drillMs, rests: true, accept: [1] });
  if (answer.status === 1 && !/There were \d+ errors/.test(answer.stderr)) throw offboxFailed('failed');
}

/** Of what was there before the snapshot; the same for the same seed and library. */
function sampleOf(open: OpenLibrary, seed: string, limits: { before: number; bytesMax: number }): Sample[] {
  const range = open.database.get<{ low: number | null; high: number | null }>(
    'SELECT min(id) AS low, max(id) AS high FROM asset',
  );
  const { low, high } = range ?? {};
  if (low == null || high == null) return [];
  const found = new Map<number, Sample>();
  let bytes = 0;
  for (let at = 0; at < triesMax && found.size < filesMax; at += 1) {
    const digest = createHash('sha256').update(`${seed} ${at}`).digest();
    const id = low + (digest.readUIntBE(0, 6) % (high - low + 1));
    const row = open.database.get<Sample>(
      `SELECT asset.id, path, size, sha256, person.name AS person FROM asset JOIN person ON person.id = person_id
       WHERE asset.id >= ? AND state = 'present' AND added_at < ? ORDER BY asset.id LIMIT 1`,
      id,
      limits.before,
    );
    if (row === undefined || found.has(row.id) || bytes + row.size > limits.bytesMax) continue;
    bytes += row.size;
    found.set(row.id, row);
  }
  return [...found.values()];
}

/** A name, not a pattern (filepath.Match of Go). */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&');
}

async function hashOf(path: string): Promise<Buffer | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece);
    return hash.digest();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
