/**
 * Which `-d` type of smartctl a disk is asked with. USB bridges each have their own way to pass commands on, and few say
 * which: the types are tried in order, and the one that was answered is remembered for the disk. Pure.
 */
import { type SmartReading, tellsSomething } from './smart-reading.ts';

/** In the order of trying behind USB: what most bridges speak first, then the makers' own, then what tells little. */
export const smartTypes = [
  'auto',
  'sat',
  'sat,12',
  'sntjmicron',
  'sntasmedia',
  'sntrealtek',
  'usbjmicron',
  'usbprolific',
  'usbsunplus',
  'nvme',
  'scsi',
] as const;
export type SmartType = (typeof smartTypes)[number];

/**
 * What became of the last try. `told`: there was something to judge by; `identified`: only what it is; `silent`: nothing;
 * `asleep`: it was let sleep, which says that the type is right.
 */
export type SmartOutcome = 'told' | 'identified' | 'silent' | 'asleep';

export function outcomeOf(reading: SmartReading): SmartOutcome {
  if (reading.asleep) return 'asleep';
  if (tellsSomething(reading)) return 'told';
  return reading.model === null && reading.capacityBytes === null ? 'silent' : 'identified';
}

export function isSmartType(type: unknown): type is SmartType {
  return smartTypes.some((known) => known === type);
}

/** What has its own plug is asked in its own way only; an SD card or eMMC knows no such question. */
const types: Readonly<Record<'usb' | 'sata' | 'nvme' | 'mmc', readonly SmartType[]>> = {
  usb: smartTypes,
  sata: ['auto', 'sat'],
  nvme: ['nvme', 'auto'],
  mmc: [],
};
export type Transport = keyof typeof types;

/** After so many readings without an answer the others are tried as well: it may be a new enclosure. */
const silentTriesMax = 3;
/** And from then on once a week, at a reading every six hours; in between only one is. */
const allAgainEvery = 28;

/**
 * The types to try now, in order: the first that tells something is to be remembered, and the rest left untried.
 * `remembered`: the one that told last; `silentTries`: readings since then, or ever, that told nothing.
 */
export function nextTypes(
  transport: Transport,
  remembered: SmartType | null,
  silentTries: number,
): readonly SmartType[] {
  const all = types[transport];
  const known = remembered !== null && all.includes(remembered) ? remembered : undefined;
  if (silentTries === 0) return known === undefined ? all : [known];
  if (silentTries === silentTriesMax || silentTries % allAgainEvery === 0) return all;
  return known === undefined ? all.slice(0, 1) : [known];
}
