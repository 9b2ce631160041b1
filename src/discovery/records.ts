import { isIPv6 } from 'node:net';
import type { Answer } from 'dns-packet';
import type { Link, LinkAddress } from '../platform/links.ts';
import {
  lowerCase,
  type OwnType,
  type ProbeGroup,
  type Question,
  rdataOf,
  recordKey,
  type SeenRecord,
  type SentRecord,
  sizeOf,
  typeNumbers,
} from './packets.ts';

/** What is offered under the box's name; `type` is like `_https._tcp`. */
export type Service = Readonly<{ type: string; port: number; txt: Readonly<Record<string, string>> }>;

export type OwnRecord = SentRecord &
  Readonly<{
    /** See `recordKey`. */
    key: string;
    /** In lower case. */
    name: string;
    type: OwnType;
    ttlSeconds: number;
    /** Nobody else may have records of this name and type; else they are shared (RFC 6762, 2). */
    isUnique: boolean;
    rdata: Buffer;
  }>;

/** RFC 6762, 10. */
const hostTtlSeconds = 120;
const otherTtlSeconds = 4_500;
const txtEntryBytesMax = 255;
export const metaName = '_services._dns-sd._udp.local';
const conflictTypes: readonly number[] = [
  typeNumbers.A,
  typeNumbers.AAAA,
  typeNumbers.SRV,
  typeNumbers.TXT,
  typeNumbers.CNAME,
];

export type RecordSetOptions = Readonly<{
  label: string;
  services: readonly Service[];
  link: Link;
  /** Names of addresses that another program on this machine speaks for. */
  ceded: ReadonlySet<string>;
}>;

/** All that the box says on one link under one label. Never changes: another name or address is another set. */
export class RecordSet {
  /** Host and instances: what has to be won. The first service's instance comes first: see `compareProbe`. */
  readonly names: readonly string[];
  readonly reverseNames: readonly string[];
  readonly all: readonly OwnRecord[];
  readonly #byName: ReadonlyMap<string, readonly OwnRecord[]>;
  readonly #byKey: ReadonlyMap<string, OwnRecord>;
  readonly #host: string;

  constructor({ label, services, link, ceded }: RecordSetOptions) {
    const host = `${label}.local`;
    const addresses = publishedAddresses(link);
    const instances = services.map((service) => ({ service, name: `${label}.${service.type}.local` }));
    const reverse = addresses
      .map((address) => ({ name: reverseName(address), data: host }))
      .filter(({ name }) => !ceded.has(name));
    this.#host = lowerCase(host);
    this.names = [...instances.map(({ name }) => name), host].map(lowerCase);
    this.reverseNames = reverse.map(({ name }) => name);
    this.all = [
      ...instances.flatMap(({ name, service }) => instanceRecords(name, service, host)),
      ...addresses.map(({ address, family }) =>
        own(host, family === 4 ? 'A' : 'AAAA', address, { ttlSeconds: hostTtlSeconds, isUnique: true }),
      ),
      ...reverse.map(({ name, data }) => own(name, 'PTR', data, { ttlSeconds: hostTtlSeconds, isUnique: true })),
      absence(host, [...new Set(addresses.map(({ family }) => (family === 4 ? 'A' : 'AAAA')))].sort()),
    ];
    this.#byName = Map.groupBy(this.all, ({ name }) => name);
    this.#byKey = new Map(this.all.map((record) => [record.key, record]));
  }

  /** What is said unasked. Absence is not (RFC 6762, 6.1). */
  get announced(): OwnRecord[] {
    return this.all.filter(({ type }) => type !== 'NSEC');
  }

  get probes(): ProbeGroup[] {
    return [...this.names, ...this.reverseNames].map((name) => ({ name, records: this.#claimed(name) }));
  }

  find(key: string): OwnRecord | undefined {
    return this.#byKey.get(key);
  }

  /** Empty when the question is not ours; the record that says so when we know that there is none (6.1). */
  answers({ name, type }: Pick<Question, 'name' | 'type'>): readonly OwnRecord[] {
    const records = this.#byName.get(name) ?? [];
    const matching = records.filter(
      (record) => typeNumbers[record.type] === type || (type === typeNumbers.ANY && record.type !== 'NSEC'),
    );
    return matching.length > 0 ? matching : records.filter((record) => record.type === 'NSEC');
  }

  /** What who asked this will ask next (RFC 6763, 12; RFC 6762, 6.2). */
  additionals(answers: readonly OwnRecord[]): OwnRecord[] {
    const wanted = new Set<OwnRecord>();
    const want = (name: string): void => {
      for (const record of this.#byName.get(name) ?? []) {
        const isPresent = record.type !== 'NSEC' || (name === this.#host && this.#isOneFamily);
        if (isPresent) wanted.add(record);
      }
    };
    for (const { type, answer } of answers) {
      if (type === 'PTR') {
        const target = lowerCase(String('data' in answer ? answer.data : ''));
        if (!this.names.includes(target)) continue;
        want(target);
        want(this.#host);
      } else if (type !== 'TXT' && type !== 'NSEC') want(this.#host);
    }
    for (const answer of answers) wanted.delete(answer);
    return [...wanted];
  }

  /** Whether somebody else says something else under a name that must be the box's own (RFC 6762, 9). */
  isConflict(seen: SeenRecord, isOwnAddress: (rdata: Buffer) => boolean): boolean {
    if (seen.ttlSeconds === 0 || !this.names.includes(seen.name) || !conflictTypes.includes(seen.type)) return false;
    return !this.#isOurs(seen, isOwnAddress);
  }

  /**
   * Two began at the same time (RFC 6762, 8.2): negative when theirs win. The first name that differs decides for all
   * names, and a Nightjar's first differs by its id: two boxes that meet on two links get the same winner on both.
   */
  compareProbe(theirs: readonly SeenRecord[], isOwnAddress: (rdata: Buffer) => boolean): number {
    for (const name of this.names) {
      const seen = theirs.filter((record) => record.name === name);
      if (seen.every((record) => this.#isOurs(record, isOwnAddress))) continue;
      const ours = this.#claimed(name).map(({ type, rdata }) => ({ type: typeNumbers[type], rdata }));
      const order = compareSets(ours, seen);
      if (order !== 0) return order;
    }
    return 0;
  }

  get #isOneFamily(): boolean {
    const types = new Set((this.#byName.get(this.#host) ?? []).map(({ type }) => type));
    return !(types.has('A') && types.has('AAAA'));
  }

  #claimed(name: string): OwnRecord[] {
    return (this.#byName.get(name) ?? []).filter(({ type }) => type !== 'NSEC');
  }

  #isOurs({ name, type, rdata }: SeenRecord, isOwnAddress: (rdata: Buffer) => boolean): boolean {
    if (this.#byKey.has(recordKey(name, type, rdata))) return true;
    return (type === typeNumbers.A || type === typeNumbers.AAAA) && isOwnAddress(rdata);
  }
}

function instanceRecords(name: string, { type, port, txt }: Service, host: string): OwnRecord[] {
  const shared = { ttlSeconds: otherTtlSeconds, isUnique: false };
  return [
    own(metaName, 'PTR', `${type}.local`, shared),
    own(`${type}.local`, 'PTR', name, shared),
    own(name, 'SRV', { priority: 0, weight: 0, port, target: host }, { ttlSeconds: hostTtlSeconds, isUnique: true }),
    own(name, 'TXT', txtEntries(txt), { ttlSeconds: otherTtlSeconds, isUnique: true }),
    absence(name, ['TXT', 'SRV']),
  ];
}

/** RFC 6763, 6: never without an entry. One that is too long is left out: cut, it would say something else. */
function txtEntries(txt: Readonly<Record<string, string>>): Buffer[] {
  const entries = Object.entries(txt)
    .map(([key, value]) => Buffer.from(`${key}=${value}`))
    .filter(({ length }) => length <= txtEntryBytesMax);
  return entries.length === 0 ? [Buffer.alloc(0)] : entries;
}

/** RFC 6762, 6.1: there is nothing of any other type under this name. */
function absence(name: string, rrtypes: string[]): OwnRecord {
  return own(name, 'NSEC', { nextDomain: name, rrtypes }, { ttlSeconds: hostTtlSeconds, isUnique: true });
}

function own(
  name: string,
  type: OwnType,
  data: unknown,
  { ttlSeconds, isUnique }: { ttlSeconds: number; isUnique: boolean },
): OwnRecord {
  const answer = { name, type, data, ttl: ttlSeconds, class: 'IN', flush: isUnique } as Answer;
  const rdata = rdataOf(answer);
  const key = recordKey(name, typeNumbers[type], rdata);
  return { key, name: lowerCase(name), type, ttlSeconds, isUnique, rdata, answer, bytes: sizeOf(answer) };
}

/** The same record as it is said at the end of its life (TTL 0, RFC 6762, 10.1) or to strangers (6.7). */
export function asSaid(record: OwnRecord, options: { ttlSecondsMax: number }): SentRecord {
  const ttl = Math.min(record.ttlSeconds, options.ttlSecondsMax);
  // Without the bit that flushes: another box that says the same name must not lose its records by our words.
  return { answer: { ...record.answer, ttl, flush: false } as Answer, bytes: record.bytes };
}

/** Link-local IPv6 only where it is needed: it is of no use to who cannot name a zone. */
export function publishedAddresses({ addresses }: Link): LinkAddress[] {
  const isLinkLocal = ({ address, family }: LinkAddress): boolean => family === 6 && /^fe[89ab]/i.test(address);
  const global = addresses.filter((address) => !isLinkLocal(address));
  const needsLinkLocal = !global.some(({ family }) => family === 6) || !global.some(({ family }) => family === 4);
  return needsLinkLocal ? [...addresses] : global;
}

export function addressBytes(address: string): Buffer {
  return rdataOf({ name: '.', type: isIPv6(address) ? 'AAAA' : 'A', data: address });
}

/** RFC 1035, 3.5; RFC 3596, 2.5. */
function reverseName({ address, family }: LinkAddress): string {
  const bytes = [...addressBytes(address)].reverse();
  if (family === 4) return `${bytes.join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [(byte & 15).toString(16), (byte >> 4).toString(16)]);
  return `${nibbles.join('.')}.ip6.arpa`;
}

type Compared = Readonly<{ type: number; rdata: Buffer }>;

/** RFC 6762, 8.2.1: sorted, then pair by pair; when one set ends first, the longer one is the later. */
function compareSets(ours: readonly Compared[], theirs: readonly Compared[]): number {
  const [left, right] = [[...ours].sort(compareRecords), [...theirs].sort(compareRecords)];
  for (const [index, record] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareRecords(record, other);
    if (order !== 0) return order;
  }
  return left.length < right.length ? -1 : 0;
}

function compareRecords(one: Compared, other: Compared): number {
  return one.type - other.type || Buffer.compare(one.rdata, other.rdata);
}
