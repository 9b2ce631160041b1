import {
  encodeLegacyResponse,
  encodeResponses,
  type Message,
  type Question,
  recordKey,
  type SeenRecord,
} from './packets.ts';
import { asSaid, type OwnRecord, type RecordSet } from './records.ts';
import type { Timers } from './timers.ts';

export type Sender = Readonly<{ address: string; port: number }>;
export type ResponderOptions = Readonly<{
  timers: Timers;
  random: () => number;
  records: () => RecordSet | undefined;
  /** Whether every question is answered, or only who wants to take the name (a probe), or nobody. */
  speaks: () => 'always' | 'to-probes' | 'never';
  /** False when so much was sent that this one is dropped. */
  multicast: (bytes: Buffer) => boolean;
  /** The same for what was not asked for: who asks much must not keep us from it. */
  announce: (bytes: Buffer) => boolean;
  unicast: (bytes: Buffer, to: Sender) => void;
}>;

export const mdnsPort = 5353;
/** RFC 6762, 6: what lies between two multicasts of one record; the shorter one when the name is defended. */
const repeatMs = 1_000;
const defenceRepeatMs = 250;
/** RFC 6762, 6: so that several who share a record do not speak at once. */
const sharedDelayMsMin = 20;
const sharedDelayMsMax = 120;
/** RFC 6762, 7.2: more known answers follow. */
const truncatedDelayMsMin = 400;
const truncatedDelayMsMax = 500;
const truncatedPacketsMax = 16;
const heldMax = 32;
const pendingMax = 64;
/** RFC 6762, 6.7. */
const legacyTtlSecondsMax = 10;

type Held = { questions: Question[]; known: Set<string>; packets: number; timer: unknown };
type Pending = { record: OwnRecord; dueMs: number };

/** Answers questions on one family of one link (RFC 6762, 6 and 7). */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #saidAtMs = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();
  readonly #held = new Map<string, Held>();
  #timer: unknown;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Forgets what waits to be said. What was said is kept: the intervals hold across names. */
  silence(): void {
    this.#options.timers.clearTimeout(this.#timer);
    this.#pending.clear();
    for (const { timer } of this.#held.values()) this.#options.timers.clearTimeout(timer);
    this.#held.clear();
  }

  hearQuery(query: Message, from: Sender): void {
    const records = this.#options.records();
    const speaks = this.#options.speaks();
    const isProbe = query.authorities.length > 0;
    if (records === undefined || speaks === 'never' || (speaks === 'to-probes' && !isProbe)) return;
    if (from.port !== mdnsPort) {
      this.#answerLegacy(records, query, from);
      return;
    }
    const known = knownAnswers(records, query.answers);
    if (isProbe) this.#answer(records, query.questions, { known, from, isProbe });
    else if (query.isTruncated || this.#held.has(from.address)) this.#hold(query, known, from);
    else this.#answer(records, query.questions, { known, from, isProbe });
  }

  /** Another one's words: what it said need not be said again (RFC 6762, 7.4), and what it spoils must be (6.6). */
  hearResponse(seen: readonly SeenRecord[]): void {
    const records = this.#options.records();
    if (records === undefined || this.#options.speaks() !== 'always') return;
    for (const { name, type, rdata, ttlSeconds } of seen) {
      const record = records.find(recordKey(name, type, rdata));
      if (record === undefined || record.type === 'NSEC') continue;
      if (ttlSeconds >= record.ttlSeconds) this.#pending.delete(record.key);
      else if (ttlSeconds < record.ttlSeconds / 2) this.#queue(record, this.#options.timers.nowMs(), repeatMs);
    }
    this.#arm();
  }

  /** Says records unasked, but for those that were said within the last second. */
  say(records: readonly OwnRecord[]): void {
    const nowMs = this.#options.timers.nowMs();
    this.#multicast(
      records.filter((record) => this.#mayBeSaidAtMs(record, repeatMs) <= nowMs),
      [],
      this.#options.announce,
    );
  }

  #hold(query: Message, known: Set<string>, from: Sender): void {
    const { timers, random } = this.#options;
    const held = this.#held.get(from.address) ?? { questions: [], known: new Set(), packets: 0, timer: undefined };
    if (held.packets === 0 && this.#held.size >= heldMax) return;
    this.#held.set(from.address, held);
    held.packets += 1;
    if (held.packets > truncatedPacketsMax) return;
    // Questions are bounded by the packets, and known answers by our own records.
    held.questions.push(...query.questions);
    for (const key of known) held.known.add(key);
    if (!query.isTruncated && held.timer !== undefined) return;
    timers.clearTimeout(held.timer);
    held.timer = timers.setTimeout(
      () => {
        this.#held.delete(from.address);
        const records = this.#options.records();
        if (records === undefined || this.#options.speaks() !== 'always') return;
        this.#answer(records, held.questions, { known: held.known, from, isProbe: false, hasWaited: true });
      },
      truncatedDelayMsMin + random() * (truncatedDelayMsMax - truncatedDelayMsMin),
    );
  }

  #answer(
    records: RecordSet,
    questions: readonly Question[],
    asked: { known: ReadonlySet<string>; from: Sender; isProbe: boolean; hasWaited?: boolean },
  ): void {
    const { timers, random } = this.#options;
    const nowMs = timers.nowMs();
    const multicast = new Set<OwnRecord>();
    const unicast = new Set<OwnRecord>();
    for (const question of questions) {
      for (const record of records.answers(question)) {
        if (asked.known.has(record.key)) continue;
        // RFC 6762, 5.4: what the others have not heard for long is said to all.
        const isFresh = nowMs - this.#saidAt(record) < (record.ttlSeconds * 1000) / 4;
        (question.wantsUnicast && isFresh ? unicast : multicast).add(record);
      }
    }
    for (const record of multicast) unicast.delete(record);
    this.#unicast(records, [...unicast], asked);
    const isShared = [...multicast].some(({ isUnique }) => !isUnique);
    const delayMs = sharedDelayMsMin + random() * (sharedDelayMsMax - sharedDelayMsMin);
    const dueMs = nowMs + (isShared && !asked.isProbe && asked.hasWaited !== true ? delayMs : 0);
    for (const record of multicast) this.#queue(record, dueMs, asked.isProbe ? defenceRepeatMs : repeatMs);
    this.#flush();
  }

  #unicast(records: RecordSet, answers: OwnRecord[], asked: { known: ReadonlySet<string>; from: Sender }): void {
    if (answers.length === 0) return;
    const additionals = records.additionals(answers).filter(({ key }) => !asked.known.has(key));
    for (const bytes of encodeResponses(answers, additionals)) this.#options.unicast(bytes, asked.from);
  }

  #answerLegacy(records: RecordSet, query: Message, from: Sender): void {
    const matching = [...new Set(query.questions.flatMap((question) => records.answers(question)))];
    if (matching.length === 0) return;
    // That there is nothing of this type is said by an answer without records, which such a resolver understands.
    const answers = matching.filter(({ type }) => type !== 'NSEC');
    const additionals = records.additionals(answers).filter(({ type }) => type !== 'NSEC');
    const said = [answers, additionals].map((list) =>
      list.map((record) => asSaid(record, { ttlSecondsMax: legacyTtlSecondsMax })),
    );
    const bytes = encodeLegacyResponse(query, said[0] ?? [], said[1] ?? []);
    if (bytes !== undefined) this.#options.unicast(bytes, from);
  }

  #queue(record: OwnRecord, dueMs: number, intervalMs: number): void {
    const dueMsFirst = Math.max(dueMs, this.#mayBeSaidAtMs(record, intervalMs));
    const before = this.#pending.get(record.key);
    if (before === undefined && this.#pending.size >= pendingMax) return;
    if (before === undefined || before.dueMs > dueMsFirst) this.#pending.set(record.key, { record, dueMs: dueMsFirst });
  }

  #flush(): void {
    const nowMs = this.#options.timers.nowMs();
    const due = [...this.#pending.values()].filter(({ dueMs }) => dueMs <= nowMs).map(({ record }) => record);
    for (const { key } of due) this.#pending.delete(key);
    const records = this.#options.records();
    // A record that is ours no longer is not said.
    const said = due.filter(({ key }) => records?.find(key) !== undefined);
    if (records !== undefined && said.length > 0) {
      const additionals = records
        .additionals(said)
        .filter((record) => this.#mayBeSaidAtMs(record, repeatMs) <= nowMs && !this.#pending.has(record.key));
      this.#multicast(said, additionals, this.#options.multicast);
    }
    this.#arm();
  }

  #arm(): void {
    const { timers } = this.#options;
    timers.clearTimeout(this.#timer);
    if (this.#pending.size === 0) return;
    const dueMs = Math.min(...[...this.#pending.values()].map((pending) => pending.dueMs));
    this.#timer = timers.setTimeout(() => this.#flush(), Math.max(0, dueMs - timers.nowMs()));
  }

  #multicast(answers: readonly OwnRecord[], additionals: readonly OwnRecord[], send: (bytes: Buffer) => boolean): void {
    const nowMs = this.#options.timers.nowMs();
    for (const bytes of encodeResponses(answers, additionals)) send(bytes);
    for (const { key } of [...answers, ...additionals]) this.#saidAtMs.set(key, nowMs);
    this.#forgetOld();
  }

  #saidAt({ key }: OwnRecord): number {
    return this.#saidAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
  }

  #mayBeSaidAtMs(record: OwnRecord, intervalMs: number): number {
    return this.#saidAt(record) + intervalMs;
  }

  /** Names and addresses change: what is no record any more goes when there are too many. */
  #forgetOld(): void {
    if (this.#saidAtMs.size <= 4 * pendingMax) return;
    const records = this.#options.records();
    for (const key of this.#saidAtMs.keys()) if (records?.find(key) === undefined) this.#saidAtMs.delete(key);
  }
}

/** RFC 6762, 7.1: what the one who asks knows, and will know for half of its time at least. */
function knownAnswers(records: RecordSet, answers: readonly SeenRecord[]): Set<string> {
  const known = new Set<string>();
  for (const { name, type, rdata, ttlSeconds } of answers) {
    const record = records.find(recordKey(name, type, rdata));
    if (record !== undefined && ttlSeconds >= record.ttlSeconds / 2) known.add(record.key);
  }
  return known;
}
