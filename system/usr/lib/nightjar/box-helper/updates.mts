/**
 * The box helper's verbs of updates: they tell what is remembered and what goes on, and ask systemd for what takes its time
 * (nightjar-update-install.service, nightjar-update-restart.service), which outlives this connection.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BoxAnswer } from '../../../../../src/appliance/box-protocol.ts';
import {
  otherOf,
  ownBoard,
  places,
  readJson,
  readRecord,
  readStanding,
  run,
  type Standing,
  type UpdateRecord,
  writeDurably,
} from '../boot-slots/record.mts';
import { Refused } from './request.mts';

const installUnit = 'nightjar-update-install.service';
const restartUnit = 'nightjar-update-restart.service';

type Status = BoxAnswer<'update-status'>;

export async function updateStatus(): Promise<Status> {
  const standing = standingNow();
  const record = readRecord();
  const slot = otherOf(standing.current);
  const held = record.slots[slot];
  const running = await installs();
  return {
    board: ownBoard(),
    slot: standing.current,
    other: { slot, version: held?.version ?? null, state: running ? 'unfinished' : stateOf(record, slot) },
    activity: running ? progress() : trialOf(standing, record),
    outcome: record.outcome,
  };
}

/** Begins; what becomes of it is in the status. @throws {Refused} `busy`, `invalid-request` */
export async function updateInstall({ path, older }: { path: string; older: boolean }): Promise<object> {
  const { current, primary } = standingNow();
  if (current !== primary) throw new Refused('busy', 'A new version is being tried just now. Nothing was done.');
  if (await installs()) throw new Refused('busy', 'An update is being installed. Nothing was done.');
  const fromDisk = dirname(dirname(path)) === places.disks;
  if (path !== places.uploaded && !fromDisk)
    throw new Refused('invalid-request', 'Updates are taken from attached disks and from uploads. Nothing was done.');
  // Looked into by the unit itself: what stands at this path now may be another file then.
  writeDurably(places.request, JSON.stringify({ path, older }));
  await run('systemctl', ['start', '--no-block', installUnit]);
  return {};
}

/** @throws {Refused} `busy`; `unsuitable`: there is nothing to restart into */
export async function updateRestart(): Promise<object> {
  const { current, primary } = standingNow();
  if (current !== primary) throw new Refused('busy', 'A new version is being tried just now. Nothing was done.');
  if (await installs()) throw new Refused('busy', 'An update is being installed. Nothing was done.');
  if (readRecord().slots[otherOf(current)]?.whole !== true)
    throw new Refused('unsuitable', 'There is no other version to restart into. Nothing was done.');
  await run('systemctl', ['start', '--no-block', restartUnit]);
  return {};
}

function standingNow(): Standing {
  const standing = readStanding();
  if (standing !== undefined) return standing;
  if (existsSync('/run/nightjar-slots/bootsel'))
    throw new Refused(
      'busy',
      'The box has just started, and does not yet know which version runs. Ask again in a moment.',
    );
  throw new Refused('unsuitable', 'This machine has no two places for versions of its system: it is not updated here.');
}

async function installs(): Promise<boolean> {
  // It says so by its exit status, and in words.
  const said = await run('systemctl', ['show', '--property=ActiveState', '--value', installUnit]).catch(() => '');
  return said === 'active' || said === 'activating';
}

function progress(): Status['activity'] {
  const { percent = 0, step = 'begins' } = (readJson(places.progress) ?? {}) as { percent?: number; step?: string };
  return { state: 'installing', percent, step };
}

function trialOf({ current, primary }: Standing, { slots }: UpdateRecord): Status['activity'] {
  return current === primary ? null : { state: 'trying', version: slots[current]?.version ?? null };
}

function stateOf({ slots }: UpdateRecord, slot: 'A' | 'B'): Status['other']['state'] {
  const held = slots[slot];
  if (held === undefined) return 'empty';
  if (!held.whole) return 'unfinished';
  if (held.failed) return 'failed';
  return held.ran ? 'good' : 'ready';
}
