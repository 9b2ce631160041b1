/**
 * Owns the address that tells of new versions: off unless the owner turned it on, asked once a week then, believed only with
 * a signature by the box's update key. It offers, and never installs. Only this room calls it.
 */
import { readFile } from 'node:fs/promises';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { Settings } from '../platform/settings.ts';
import { type Manifest, NotBelieved, readManifest } from './manifest.ts';
import type { UpdateReason } from './update-reasons.ts';
import type { ChannelView } from './updates-contract.ts';
import { isOlder } from './versions.ts';

export type ChannelOptions = Readonly<{
  database: Database;
  version: string;
  /** The box's; undefined: it is none that updates itself. */
  board: () => Promise<string | undefined>;
  /** The file with the certificates that the box trusts: PEM. */
  keyring: string;
  /** As PEM, whom to trust in the place of everybody's list. */
  ca: string | undefined;
  now: () => number;
}>;
type Kept = Readonly<{
  url: string | null;
  enabled: boolean;
  lastAskedAt: number | null;
  problem: { reason: UpdateReason; detail: string } | null;
  /** What it said last that could be believed; its address is whole. */
  offer: Manifest | null;
}>;

const setting = 'updates.channel';
const weekMs = 7 * 24 * 3_600_000;
const manifestBytesMax = 16 * 1024;
const askMsMax = 60_000;
const soonAgain: ReadonlySet<UpdateReason> = new Set(['not-reached', 'wrong-time']);

export class Channel {
  readonly #options: ChannelOptions;
  readonly #settings: Settings;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#settings = new Settings(options.database);
  }

  get url(): string | null {
    return this.#kept.url;
  }

  /** What may be asked now: the firewall has to know. */
  get inUse(): string | undefined {
    const { url, enabled } = this.#kept;
    return enabled ? (url ?? undefined) : undefined;
  }

  view(): ChannelView {
    const { url, enabled, lastAskedAt, problem, offer } = this.#kept;
    const told = offer === null ? null : this.#offered(offer);
    return { url, enabled, lastAskedAt, problem, offer: told };
  }

  /** The version that may be fetched; none from an address that is turned off. */
  get offered(): Manifest | undefined {
    const { offer } = this.#kept;
    if (this.inUse === undefined) return undefined;
    return offer !== null && this.#offered(offer)?.newer === true ? offer : undefined;
  }

  /** @throws {CodedError} `not-found`: there is none that is newer */
  offer(): Manifest {
    const offer = this.offered;
    if (offer !== undefined) return offer;
    throw new CodedError('not-found', 'No newer version is offered at the address just now. Nothing was changed.');
  }

  /** Only inside `database.write`. Another address has told nothing yet. */
  setInWrite({ url, enabled }: { url: string | null; enabled: boolean }): void {
    const kept = this.#kept;
    const same = url === kept.url;
    this.#putInWrite(same ? { ...kept, enabled } : { url, enabled, lastAskedAt: null, problem: null, offer: null });
  }

  /** A week after an answer; who did not answer, or perhaps was asked at a wrong time, is asked again at the next look. */
  isDue(): boolean {
    const { lastAskedAt, problem } = this.#kept;
    if (this.inUse === undefined) return false;
    if (lastAskedAt === null || (problem !== null && soonAgain.has(problem.reason))) return true;
    const now = this.#options.now();
    return lastAskedAt > now || now - lastAskedAt >= weekMs;
  }

  /** What comes of it is in the view; never throws but for a box that closes. */
  async ask(signal: AbortSignal): Promise<void> {
    const { url } = this.#kept;
    if (url === null) throw new CodedError('not-found', 'No address is set. Nothing was asked.');
    const lastAskedAt = this.#options.now();
    let answer: Pick<Kept, 'problem' | 'offer'>;
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(askMsMax)]);
      answer = { problem: null, offer: await this.#fetch(url, limited) };
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof NotBelieved ? error.reason : 'not-reached';
      const detail = (error as Error).message.slice(0, 500);
      // What cannot be believed now takes nothing back that could be, and offers nothing new.
      answer = { problem: { reason, detail }, offer: reason === 'not-reached' ? this.#kept.offer : null };
    }
    await this.#options.database.write(() => {
      const kept = this.#kept;
      // Meanwhile the owner may have named another one.
      if (kept.url === url) this.#putInWrite({ ...kept, lastAskedAt, ...answer });
    });
  }

  async #fetch(url: string, signal: AbortSignal): Promise<Manifest> {
    const { keyring, ca, board, now } = this.#options;
    const { fetchSmall } = await import('./fetching.ts');
    const bytes = await fetchSmall(url, manifestBytesMax, signal, ca);
    const signed = await fetchSmall(`${url}.sig`, manifestBytesMax * 2, signal, ca);
    const trusted = await readFile(keyring, 'utf8').catch(() => '');
    const manifest = readManifest(bytes, signed, trusted, now());
    const own = await board();
    if (manifest.board !== own)
      throw new NotBelieved(
        'wrong-board',
        `The address tells of versions for another board: ${manifest.board}, and this is ${own}.`,
      );
    const whole = URL.canParse(manifest.url, url) ? new URL(manifest.url, url) : undefined;
    if (whole?.protocol !== 'https:')
      throw new NotBelieved('damaged', 'The list of versions leads to no address with https.');
    return { ...manifest, url: whole.href };
  }

  #offered({ version, notBefore, sizeBytes }: Manifest): ChannelView['offer'] {
    const from = Date.parse(notBefore);
    if (from > this.#options.now()) return null;
    return { version, notBefore: from, sizeBytes, newer: isOlder(this.#options.version, version) };
  }

  get #kept(): Kept {
    const text = this.#settings.text(setting);
    const none = { url: null, enabled: false, lastAskedAt: null, problem: null, offer: null };
    return text === undefined ? none : { ...none, ...(JSON.parse(text) as Partial<Kept>) };
  }

  #putInWrite(kept: Kept): void {
    this.#settings.putTextInWrite(setting, JSON.stringify(kept));
  }
}
