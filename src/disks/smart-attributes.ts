/**
 * What an ATA disk's attribute table says. The standard (ACS-3 and before) knows no attribute: numbers, names and how
 * raw values are packed are each vendor's. An attribute is believed only under a name that means what is looked for, as
 * smartmontools' drive database gives it.
 */
import { at, count, integer, line, list, percent } from './smart-json.ts';

type Attribute = Readonly<{ id: number; name: string; value: number | null; raw: number | null; words: string }>;

export type AttributeCounts = Readonly<{
  powerOnHours: number | null;
  temperatureC: number | null;
  reallocated: number | null;
  pending: number | null;
  offlineUncorrectable: number | null;
  reportedUncorrect: number | null;
  commandTimeout: number | null;
  crcErrors: number | null;
  /** Of the rated life; NVMe counts on to 255. */
  wearPercentUsed: number | null;
  availableSparePercent: number | null;
  availableSpareThresholdPercent: number | null;
  unsafeShutdowns: number | null;
  /** Attributes at or below their threshold; `prefail`: by its vendor that means that the disk is about to fail. */
  failing: readonly FailedAttribute[];
  failedBefore: readonly FailedAttribute[];
}>;
type FailedAttribute = Readonly<{ id: number; prefail: boolean }>;

/** A table has 30 places (ATA8-ACS, 7.53.6.2). */
const attributesMax = 30;
const low16 = 2 ** 16;
const low32 = 2 ** 32;

/** `solidState`: several numbers mean another thing on a disk with platters. */
export function readAttributes(smart: unknown, solidState: boolean): AttributeCounts {
  const table = list(at(smart, 'ata_smart_attributes', 'table'), attributesMax);
  const attributes = new Map<number, Attribute>();
  for (const entry of table) {
    const attribute = attributeOf(entry);
    if (attribute !== undefined && !attributes.has(attribute.id)) attributes.set(attribute.id, attribute);
  }
  const raw = (id: number, name: RegExp) => {
    const attribute = attributes.get(id);
    return attribute !== undefined && name.test(attribute.name) ? attribute.raw : null;
  };
  return {
    // 24 bits of hours and something of the vendor's above; smartctl's own `power_on_time` is better where it is there.
    powerOnHours: remainder(raw(9, /hours/i), 2 ** 24),
    temperatureC: remainder(raw(194, /temp/i) ?? raw(190, /temp/i), 256),
    // Seagate and others keep further counts in the words above the lowest (smartmontools: raw16(raw16), raw16).
    reallocated: lowest(raw(5, /re-?al+oc|retired|bad/i), low16),
    pending: lowest(raw(197, /^(?!bogus).*pend/i), low32),
    offlineUncorrectable: solidState ? null : lowest(raw(198, /uncorrect/i), low32),
    reportedUncorrect: lowest(raw(187, /uncorrect/i), low32),
    commandTimeout: lowest(raw(188, /timeout/i), low16),
    crcErrors: lowest(raw(199, /crc/i), low32),
    wearPercentUsed: solidState ? wearOf(attributes) : null,
    availableSparePercent: solidState ? spareOf(attributes) : null,
    availableSpareThresholdPercent: null,
    unsafeShutdowns: lowest(raw(174, /power.?los|unexpect|unsafe/i), low32),
    failing: failed(table, /^now$/i),
    failedBefore: failed(table, /^past$/i),
  };
}

function attributeOf(entry: unknown): Attribute | undefined {
  const id = integer(at(entry, 'id'), 1, 255);
  if (id === null) return undefined;
  return {
    id,
    name: line(at(entry, 'name'), 64) ?? '',
    value: integer(at(entry, 'value'), 0, 255),
    raw: count(at(entry, 'raw', 'value')),
    words: line(at(entry, 'raw', 'string'), 64) ?? '',
  };
}

function lowest(raw: number | null, below: number): number | null {
  return raw === null || raw < below ? raw : raw % below;
}

function remainder(raw: number | null, below: number): number | null {
  return raw === null ? null : raw % below;
}

/**
 * Where vendors tell how much of a solid state disk's life is left: their number, a name that means it, and whether the
 * raw value is that percentage too. The normalized value always counts down from 100.
 */
const remainingLife: readonly Readonly<{ id: number; name: RegExp; rawToo?: true }>[] = [
  { id: 202, name: /lifetime/i }, // Crucial, Micron
  { id: 231, name: /life/i, rawToo: true }, // Kingston, Phison, SandForce; Intel and Apple keep other things there
  { id: 169, name: /remaining.*life/i, rawToo: true }, // Silicon Motion
  { id: 233, name: /wearout/i }, // Intel
  { id: 177, name: /wear_level/i }, // Samsung
];

/** Percent of the rated life; several may be there, and then the worst is. */
function wearOf(attributes: ReadonlyMap<number, Attribute>): number | null {
  let worst: number | null = null;
  for (const { id, name, rawToo } of remainingLife) {
    const attribute = attributes.get(id);
    if (attribute === undefined || !name.test(attribute.name)) continue;
    const told = [percent(attribute.value), rawToo === true ? percent(Number.parseInt(attribute.words, 10)) : null];
    for (const left of told) if (left !== null) worst = Math.max(worst ?? 0, 100 - left);
  }
  return worst;
}

function spareOf(attributes: ReadonlyMap<number, Attribute>): number | null {
  const attribute = attributes.get(232);
  return attribute !== undefined && /avail/i.test(attribute.name) ? percent(attribute.value) : null;
}

/** Without the temperatures: they have limits of their own, and a hot day is no failure. */
function failed(table: readonly unknown[], when: RegExp): readonly FailedAttribute[] {
  const found: FailedAttribute[] = [];
  for (const entry of table) {
    const id = integer(at(entry, 'id'), 1, 255);
    if (id === null || id === 190 || id === 194 || !when.test(line(at(entry, 'when_failed'), 8) ?? '')) continue;
    found.push({ id, prefail: at(entry, 'flags', 'prefailure') === true });
  }
  return found;
}
