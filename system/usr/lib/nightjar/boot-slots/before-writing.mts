/**
 * Looks into a bundle that RAUC found right, before its first byte is written: refuses a version that is older than the
 * running one, unless the owner said so, and one from which there would be no way back; and writes down that the other slot
 * is not whole from here on. Run by RAUC.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UpdateReason } from '../../../../../src/updates/update-reasons.ts';
import { otherOf, ownBoard, ownVersion, places, readJson, readRecord, readStanding, writeRecord } from './record.mts';
import { outOfReach } from './schemas.mts';
import { areVersions, isOlder } from './versions.mts';

const mounted = process.env['RAUC_BUNDLE_MOUNT_POINT'] ?? '';
const manifest = readFileSync(join(mounted, 'manifest.raucm'), 'utf8');
const version = /^version=([0-9A-Za-z.+~-]{1,64})$/m.exec(manifest)?.[1];
const board = /^compatible=nightjar-([a-z]{1,16})$/m.exec(manifest)?.[1];
const ownBoardIs = ownBoard();
const running = ownVersion();
const { older = false } = (readJson(places.asked) ?? {}) as { older?: boolean };
const standing = readStanding();
if (version === undefined) refuse('damaged', 'This update does not say which version it is.');
else if (board !== ownBoardIs)
  // Some of RAUC's versions look at that only later.
  refuse('wrong-board', `This update is for another board: ${board ?? 'unknown'}, and this box is ${ownBoardIs}.`);
else if (standing === undefined || standing.current !== standing.primary)
  refuse('busy', 'A new version is being tried just now.');
else if (!older && isOlder(version, running))
  refuse('older', `This is version ${version}, which is older than ${running}, which runs.`);
else if (!older && !areVersions(version, running))
  refuse('older', `This is version ${version}: whether it is older than ${running}, which runs, cannot be told.`);
else if (outOfReach(mounted, places.schema).length > 0)
  // Its trial would change the databases, and this version could not open them when it had to come back.
  refuse(
    'skips-a-release',
    `Between version ${running}, which runs, and ${version} is one that must not be skipped: else there would be no way back. Nothing was changed. Install the version between first.`,
  );
else {
  const record = readRecord();
  const half = { version, whole: false, failed: false, ran: false };
  writeRecord({ ...record, installing: version, slots: { ...record.slots, [otherOf(standing.current)]: half } });
  writeFileSync(places.looked, JSON.stringify({ version }));
}

function refuse(reason: UpdateReason, detail: string): void {
  writeFileSync(places.looked, JSON.stringify({ version, reason, detail }));
  process.exitCode = 1;
}
