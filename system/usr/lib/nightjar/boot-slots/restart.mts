/** Restarts into the other slot, on trial; what it will be measured by is written down first. Runs on bare Node. */
import { rmSync } from 'node:fs';
import { askHealth } from './health.mts';
import { askBackend, otherOf, ownVersion, places, readRecord, readStanding, writeRecord } from './record.mts';

const wordsMax = 500;

const standing = readStanding();
if (standing === undefined || standing.current !== standing.primary)
  throw new Error('There is nothing to restart from.');
const slot = otherOf(standing.current);
const record = readRecord();
const held = record.slots[slot];
if (held?.whole !== true) throw new Error(`Slot ${slot} holds nothing that was written to its end.`);
const health = await askHealth().catch(() => undefined);
const before = ownVersion();
rmSync(places.settled, { force: true });
writeRecord({
  ...record,
  slots: { ...record.slots, [slot]: { ...held, failed: false } },
  trial: { slot, version: held.version, before, libraryOpen: health?.disk === 'ok' },
  outcome: null,
});
try {
  await askBackend('restart-into', slot);
} catch (error) {
  // Else the next start, whatever it is for, would say that the new version did not come up.
  const words = `The box could not be restarted into it: ${(error as Error).message.slice(0, wordsMax)}. Version ${before} goes on.`;
  const told = { result: 'failed', reason: 'other', version: held.version, before, detail: words } as const;
  writeRecord({ ...record, trial: null, outcome: { ...told, at: Date.now() } });
  throw error;
}
