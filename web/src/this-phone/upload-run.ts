/**
 * Owns one backup by hand, from the picker to the end: reads what was chosen, asks what the box has, sends the rest, a few
 * at a time. Goes on by itself when the box was away; safe, waiting and refused always make up all that was chosen.
 * Never shows anything: the page does, and may come and go meanwhile.
 */
import { ask, Refusal } from '../ask/ask.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { backup } from '../text/en/backup.ts';
import { chosenMax, sha256Of, whatTheBoxHas, whyNot, withReaders } from './chosen-files.ts';
import { dropOldUrls, dropRun, holdRun, keepRun } from './kept-run.ts';
import { Pace } from './pace.ts';
import { Sending, type Sent } from './sending.ts';

export type RunItem = {
  readonly id: number;
  readonly file: File;
  readonly path: string;
  state: 'waiting' | 'sending' | 'safe' | 'refused';
  sha256?: string;
  /** Bytes that went out, of one that is being sent. */
  sent: number;
  reason: string;
  /** Refused, and sending it once more can help. */
  again: boolean;
  /** It was on its way when the answer was lost: the box may have it. */
  unsure: boolean;
};
export type Phase = 'reading' | 'asking' | 'running' | 'paused' | 'away' | 'stranger' | 'elsewhere' | 'done';
export type RunView = Readonly<{
  phase: Phase;
  chosen: number;
  read: number;
  safe: number;
  waiting: number;
  refused: number;
  /** Of the safe ones, what the box had before. */
  already: number;
  bytesAll: number;
  bytesSafe: number;
  bytesSending: number;
  /** Bytes a second over the last seconds. */
  rate: number;
  /** Undefined until it is steady. */
  leftMs: number | undefined;
  /** Why it waits, in the box's words; empty: it does not answer at all. */
  reason: string;
  items: readonly RunItem[];
}>;

/** A browser has six connections to a host, and the page needs some of them itself. */
const sendingMax = 3;
const awayMsFirst = 1_000;
const awayMsMax = 15_000;
const tellMs = 200;
const keepMs = 1_000;

export class UploadRun {
  readonly #phone: OwnPhone;
  readonly #items: RunItem[];
  readonly #pace = new Pace();
  readonly #live = new Map<RunItem, Sending>();
  #ended = new AbortController();
  readonly #listeners = new Set<() => void>();
  #phase: Phase = 'reading';
  #read = 0;
  #already = 0;
  #reason = '';
  #awayMs = awayMsFirst;
  #wakeUp: (() => void) | undefined;
  #tellTimer: number | undefined;
  #keptAt = 0;

  constructor(phone: OwnPhone, files: readonly File[]) {
    this.#phone = phone;
    this.#items = files.slice(0, chosenMax).map((file, id) => ({
      ...{ id, file, path: file.name, sent: 0, reason: '', again: false, unsure: false },
      state: 'waiting',
    }));
  }

  /** Resolves when nothing waits any more, or it was left. */
  async run(): Promise<void> {
    this.#ended = new AbortController();
    if (!(await holdRun(this.#ended.signal))) return this.#enter('elsewhere');
    addEventListener('online', this.#lookAgain);
    addEventListener('pagehide', this.#keep);
    try {
      await dropOldUrls();
      await this.#readAll();
      await this.#askWhatIsThere();
      await this.#sendAll();
    } finally {
      removeEventListener('online', this.#lookAgain);
      removeEventListener('pagehide', this.#keep);
      this.#tell();
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get view(): RunView {
    const count = (state: RunItem['state']) => this.#items.filter((item) => item.state === state).length;
    const sum = (of: (item: RunItem) => number) => this.#items.reduce((total, item) => total + of(item), 0);
    const [safe, refused] = [count('safe'), count('refused')];
    const bytesAll = sum(({ state, file }) => (state === 'refused' ? 0 : file.size));
    const bytesSafe = sum(({ state, file }) => (state === 'safe' ? file.size : 0));
    const bytesSending = sum(({ state, sent }) => (state === 'sending' ? sent : 0));
    const moving = this.#phase === 'running';
    return {
      ...{ phase: this.#phase, chosen: this.#items.length, read: this.#read, safe, refused, already: this.#already },
      ...{ waiting: this.#items.length - safe - refused, bytesAll, bytesSafe, bytesSending, reason: this.#reason },
      rate: moving ? this.#pace.rate() : 0,
      leftMs: moving ? this.#pace.leftMs(bytesAll - bytesSafe - bytesSending) : undefined,
      items: this.#items,
    };
  }

  pause(): void {
    if (this.#phase !== 'running' && this.#phase !== 'away') return;
    this.#enter('paused');
    for (const sending of this.#live.values()) sending.stop();
    this.#wakeUp?.();
  }

  goOn(): void {
    if (this.#phase !== 'paused') return;
    this.#enter('running');
    this.#wakeUp?.();
  }

  /** Those of the refused that another try can help. */
  async tryAgain(): Promise<void> {
    const again = this.#items.filter(({ state, again }) => state === 'refused' && again);
    for (const item of again) Object.assign(item, { state: 'waiting', sent: 0, reason: '', again: false });
    this.#read = this.#items.length - again.length;
    this.#enter('reading');
    await this.run();
  }

  /** The person is done with it. */
  leave(): void {
    this.#ended.abort();
    for (const sending of this.#live.values()) sending.stop();
    this.#wakeUp?.();
    dropRun();
  }

  async #readAll(): Promise<void> {
    const open = this.#items.filter(({ state }) => state === 'waiting');
    await withReaders(open, async (item) => {
      const reason = await whyNot(item.file);
      if (reason !== undefined) refuse(item, reason, true);
      this.#read += 1;
      this.#changed();
    });
  }

  async #askWhatIsThere(): Promise<void> {
    this.#enter('asking');
    const open = this.#items.filter(({ state }) => state === 'waiting');
    while (!this.#ended.signal.aborted) {
      try {
        this.#take(open, await whatTheBoxHas(open, this.#phone.token));
        return this.#enter('running');
      } catch (error) {
        const { status, message } = error instanceof Refusal ? error : { status: 400, message: '' };
        if (status === 401) return this.#enter('stranger');
        // Sent without asking, nothing is lost: the box finds what it has by its content.
        if (status >= 400 && status < 500 && status !== 429) return this.#enter('running');
        if (!(await this.#awaitBox(status === 0 ? '' : message))) await this.#pauseEnds();
        this.#enter('asking');
      }
    }
  }

  #take(items: readonly RunItem[], answers: Awaited<ReturnType<typeof whatTheBoxHas>>): void {
    for (const [at, item] of items.entries()) {
      const answer = answers[at];
      if (answer?.answer === 'have') {
        item.state = 'safe';
        this.#already += 1;
      } else if (answer?.answer === 'refused') refuse(item, answer.reason, false);
    }
  }

  async #sendAll(): Promise<void> {
    await Promise.all(Array.from({ length: sendingMax }, () => this.#lane()));
    if (this.#ended.signal.aborted) return;
    // It never goes on: another run may begin.
    if (this.#phase === 'stranger') return this.#ended.abort();
    this.#enter('done');
    dropRun();
    this.#ended.abort();
  }

  /** The first that finds the box away waits for it; the others wait for that one. */
  async #lane(): Promise<void> {
    for (;;) {
      if (this.#ended.signal.aborted || this.#phase === 'stranger') return;
      if (this.#phase === 'paused' || this.#phase === 'away') {
        await this.#pauseEnds();
        continue;
      }
      const item = this.#items.find(({ state }) => state === 'waiting');
      if (item === undefined) return;
      item.state = 'sending';
      const sent = (item.unsure && (await this.#lookFor(item))) || (await this.#send(item));
      await this.#settle(item, sent);
    }
  }

  /** Whether the box took it after all, before its answer was lost. Undefined: it has to be sent. */
  async #lookFor(item: RunItem): Promise<Sent | undefined> {
    try {
      const [answer] = await whatTheBoxHas([item], this.#phone.token);
      item.unsure = false;
      return answer?.answer === 'have' ? { end: 'safe' } : undefined;
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 0;
      return status === 401 ? { end: 'stranger' } : { end: 'later', reason: undefined, waitMs: 0 };
    }
  }

  async #send(item: RunItem): Promise<Sent> {
    item.sha256 ??= await sha256Of(item.file);
    const sending = new Sending(item, this.#phone, (bytes) => {
      this.#pace.note(Math.max(0, bytes - item.sent));
      item.sent = bytes;
      this.#changed();
    });
    this.#live.set(item, sending);
    // Paused while it was hashed.
    if (this.#phase !== 'running') sending.stop();
    this.#changed();
    try {
      const sent = await sending.run();
      if (sent.end !== 'later' || sent.reason !== undefined) return sent;
      // No answer: it may be the phone that does not give the file any more, and not the box that is away.
      const reason = await whyNot(item.file);
      return reason === undefined ? sent : { end: 'refused', reason, again: true };
    } finally {
      this.#live.delete(item);
    }
  }

  async #settle(item: RunItem, sent: Sent): Promise<void> {
    if (sent.end === 'safe') {
      Object.assign(item, { state: 'safe', sent: 0 });
      this.#awayMs = awayMsFirst;
    } else if (sent.end === 'refused') refuse(item, sent.reason, sent.again);
    else Object.assign(item, { state: 'waiting', sent: 0, unsure: true });
    this.#changed();
    if (sent.end === 'stranger') this.#enter('stranger');
    if (sent.end === 'later' && this.#phase === 'running') {
      await this.#awaitBox(sent.reason ?? '', sent.waitMs);
      if ((this.#phase as Phase) === 'away') this.#enter('running');
    }
  }

  /** Waits with back-off until the box answers. False: it was left or paused meanwhile. */
  async #awaitBox(reason: string, waitMs = 0): Promise<boolean> {
    this.#reason = reason;
    this.#enter('away');
    this.#pace.stop();
    for (;;) {
      await this.#sleep(Math.max(waitMs, this.#awayMs));
      this.#awayMs = Math.min(this.#awayMs * 2, awayMsMax);
      if (this.#ended.signal.aborted) return false;
      if ((this.#phase as Phase) === 'paused') return false;
      const answers = await ask('GET /api/health').then(
        () => true,
        () => false,
      );
      if (answers) return true;
      this.#reason = '';
      this.#changed();
    }
  }

  readonly #lookAgain = () => this.#wakeUp?.();

  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = window.setTimeout(resolve, ms);
    const before = this.#wakeUp;
    this.#wakeUp = () => {
      before?.();
      resolve();
    };
    return promise.finally(() => {
      window.clearTimeout(timer);
      this.#wakeUp = undefined;
    });
  }

  async #pauseEnds(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.onChange(() => {
      if ((this.#phase !== 'paused' && this.#phase !== 'away') || this.#ended.signal.aborted) resolve();
    });
    this.#ended.signal.addEventListener('abort', () => resolve(), { once: true });
    if (this.#ended.signal.aborted) resolve();
    await promise.finally(stop);
  }

  /** A turn of things is kept at once: a tab that dies while it is paused has lost no count. */
  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#keep();
    this.#tell();
  }

  /** Told at most every 200 ms: with small files much happens. */
  #changed(): void {
    this.#tellTimer ??= window.setTimeout(() => this.#tell(), tellMs);
  }

  #tell(): void {
    window.clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    if (Date.now() - this.#keptAt > keepMs) this.#keep();
    for (const listener of [...this.#listeners]) listener();
  }

  readonly #keep = () => {
    if (this.#ended.signal.aborted || this.#phase === 'elsewhere' || this.#phase === 'done') return;
    this.#keptAt = Date.now();
    const { chosen, safe, refused } = this.view;
    keepRun({ phoneId: this.#phone.phoneId, chosen, safe, refused, at: this.#keptAt });
  };
}

function refuse(item: RunItem, reason: string, again: boolean): void {
  Object.assign(item, { state: 'refused', sent: 0, reason: reason || backup.unreadable, again });
}
