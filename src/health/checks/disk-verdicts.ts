import type { DiskVerdict } from '../../disks/disk-rules.ts';
import type { AlertParams } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** What is said of each attached disk with this verdict. Only to the owner, who alone can do something about it. */
export function disksThatAre(wanted: DiskVerdict, { owner, disks }: Facts): AlertParams[] {
  if (!owner || disks === null) return [];
  const found = disks.filter(({ verdict }) => verdict === wanted);
  return found.map(({ disk, name, reason }) => ({ disk, name, reason: reason ?? '' }));
}
