/**
 * Owns what the owner does about new versions of the whole system: a bundle is received, found on an attached disk or fetched,
 * written beside the running version, and restarted into. Never installs or restarts by itself, and never verifies a bundle:
 * the privileged helper and RAUC do. Called by the composition root and by its own routes.
 */
import { join } from 'node:path';
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { type Destination, destinationsOf } from '../platform/destinations.ts';
import { CodedError } from '../platform/errors.ts';
import type { JobHandler } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { AddressFetch } from './address-fetch.ts';
import { attachedBundles, isBundleName, type LookedAt } from './attached-bundles.ts';
import { BundleFile, bundleBytesMax } from './bundle-file.ts';
import { Channel } from './channel.ts';
import type { UpdateStatus } from './update-status.ts';
import type { AttachedBundle, BundleView, ChannelView, UpdatesView } from './updates-contract.ts';
import { isOlder } from './versions.ts';

/** What only root does; undefined: this machine is somebody else's. Each @throws {CodedError} as the helper refused. */
export type UpdateHelper = Readonly<{
  status: () => Promise<UpdateStatus>;
  install: (asked: { path: string; older: boolean }) => Promise<unknown>;
  restart: () => Promise<unknown>;
}>;
export type UpdatesOptions = Readonly<{
  database: Database;
  stateDir: string;
  version: string;
  helper: UpdateHelper | undefined;
  /** Disks that are only looked at, as this process and as the helper reach them. */
  lookedAt: () => Promise<readonly LookedAt[]>;
  keyring?: string;
  ca?: string;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  /** What may be reached has changed; resolves when the way is open. Never rejects. */
  onDestinations: () => Promise<void>;
  /** For a whole bundle from the address. Default: two hours. */
  fetchMsMax?: number;
  now: () => number;
  log: Logger;
}>;
export type By = PersonCaller | ConsoleCaller;
export type InstallFrom =
  | Readonly<{ kind: 'upload' }>
  | Readonly<{ kind: 'disk'; source: string; name: string }>
  | Readonly<{ kind: 'address' }>;

const boxKeyring = '/etc/nightjar/update-keys/update.pem';
const lookEveryMs = 6 * 3_600_000;

export class Updates {
  readonly #options: UpdatesOptions;
  readonly #bundle: BundleFile;
  readonly #channel: Channel;
  readonly #closed = new AbortController();
  #asking: Promise<UpdateStatus | undefined> | undefined;
  readonly #fetch: AddressFetch;
  /** Something begins that nothing else shows yet. */
  #beginning = false;

  constructor(options: UpdatesOptions) {
    const { database, stateDir, version, keyring = boxKeyring, ca, fetchMsMax, now, log } = options;
    this.#options = options;
    this.#bundle = new BundleFile({ folder: join(stateDir, 'updates') });
    const board = async () => (await this.#status())?.board;
    this.#channel = new Channel({ database, version, board, keyring, ca, now });
    this.#fetch = new AddressFetch({ bundle: this.#bundle, version, ca, fetchMsMax, now, log });
  }

  /** Nobody waits for what is tidied up. */
  start(): void {
    this.#bundle
      .tidy()
      .catch((err: unknown) => this.#options.log.warn({ err }, 'an unfinished update could not be removed'));
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#fetch.stop();
  }

  /** Where it goes beyond the box, as long as the owner wants it to. */
  destinations(): Destination[] {
    const url = this.#channel.inUse;
    if (url === undefined) return [];
    // Where the bundle is may be another host: it is signed, and its port has to be open too.
    const offered = this.#channel.offered?.url;
    return [url, ...(offered === undefined ? [] : [offered])].flatMap(destinationsOf);
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    const run = async () => {
      if (this.#options.helper !== undefined && this.#channel.isDue()) await this.#ask();
    };
    return { 'ask-for-updates': { version: 1, leaseMs: 180_000, attemptsMax: 3, everyMs: lookEveryMs, run } };
  }

  async view(): Promise<UpdatesView> {
    const { version } = this.#options;
    const status = await this.#status();
    const asking = { bytes: 0, ofBytes: null, by: 'address' } as const;
    const receiving = this.#bundle.receiving ?? (this.#fetch.running ? asking : undefined);
    const other = status === undefined ? null : this.#otherOf(status);
    const known = [status?.outcome ?? null, this.#fetch.outcome].filter((one) => one !== null);
    return {
      supported: status !== undefined,
      board: status?.board ?? null,
      running: { version, slot: status?.slot ?? null },
      other,
      bundle: await this.#bundle.look(),
      activity: receiving === undefined ? (status?.activity ?? null) : { state: 'receiving', ...receiving },
      outcome: known.sort((one, another) => another.at - one.at)[0] ?? null,
      channel: this.#channel.view(),
      uploadBytesMax: bundleBytesMax,
    };
  }

  async attached(): Promise<AttachedBundle[]> {
    return this.#options.helper === undefined ? [] : await attachedBundles(await this.#options.lookedAt());
  }

  /** @throws {CodedError} `confirm-first`, `not-this-machine`, as `BundleFile.receive` */
  async receive(stream: AsyncIterable<Buffer>, lengthBytes: number | null, by: By): Promise<BundleView> {
    this.#confirm(by);
    this.#requireHelper();
    const { done } = await this.#begin(async () => ({
      done: this.#bundle.receive({ stream, lengthBytes, by: 'upload' }),
    }));
    await done;
    const received = await this.#bundle.look();
    if (received === null) throw new CodedError('not-found', 'The update was taken away again meanwhile.');
    await this.#record('update-received', by, { sizeBytes: received.sizeBytes });
    return received;
  }

  /** Also what is being fetched. @throws {CodedError} `confirm-first` */
  async remove(by: By): Promise<void> {
    this.#confirm(by);
    await this.#fetch.stop();
    await this.#bundle.remove();
  }

  /**
   * Begins; the view says what becomes of it. What the address offers is fetched first, also in the background.
   * @throws {CodedError} `confirm-first`, `not-this-machine`, `busy`, `not-found`, as the helper
   */
  async install(from: InstallFrom, older: boolean, by: By): Promise<void> {
    this.#confirm(by);
    const helper = this.#requireHelper();
    await this.#begin(async () => {
      if (from.kind === 'address') {
        const offer = this.#channel.offer();
        await this.#record('update-installing', by, { from: from.kind, version: offer.version });
        this.#fetch.begin(offer, (path) => helper.install({ path, older: false }));
        return;
      }
      const path = from.kind === 'upload' ? await this.#receivedPath() : await this.#attachedPath(from);
      await this.#record('update-installing', by, { from: from.kind });
      this.#fetch.forget();
      await helper.install({ path, older });
    });
  }

  /** @throws {CodedError} `confirm-first`, `not-this-machine`, as the helper */
  async restart(by: By): Promise<void> {
    this.#confirm(by);
    const helper = this.#requireHelper();
    await this.#begin(async () => {
      const status = await helper.status();
      await this.#record('update-restart', by, { version: status.other.version ?? 'unknown' });
      await helper.restart();
    });
  }

  /** @throws {CodedError} `confirm-first`, `invalid-request` */
  async setChannel(asked: { url: string | null; enabled: boolean }, by: By): Promise<ChannelView> {
    this.#confirm(by);
    const { url, enabled } = asked;
    if (url !== null && (!URL.canParse(url) || new URL(url).username !== ''))
      throw new CodedError('invalid-request', 'This is no address that can be asked. Nothing was changed.');
    if (url === null && enabled)
      throw new CodedError('invalid-request', 'Without an address there is nothing to ask. Nothing was changed.');
    await this.#options.database.write(() => {
      this.#channel.setInWrite(asked);
      const host = url === null ? 'none' : new URL(url).host;
      this.#options.record({ event: 'update-address-changed', actor: actorOf(by), detail: { host, enabled } });
    });
    await this.#options.onDestinations();
    return this.#channel.view();
  }

  /** @throws {CodedError} `not-this-machine`, `conflict`: it is turned off; `not-found`: there is no address */
  async askNow(): Promise<ChannelView> {
    this.#requireHelper();
    if (this.#channel.url !== null && this.#channel.inUse === undefined)
      throw new CodedError('conflict', 'The address is turned off: the box may not ask it. Turn it on first.');
    await this.#ask();
    return this.#channel.view();
  }

  async #ask(): Promise<void> {
    // At a start it may be asked before the way is open, and would find nobody.
    await this.#options.onDestinations();
    await this.#channel.ask(this.#closed.signal);
    await this.#options.onDestinations();
  }

  /** One question at a time, however many pages look. Undefined: this machine does not update itself. */
  async #status(): Promise<UpdateStatus | undefined> {
    this.#asking ??= this.#askHelper().finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  async #askHelper(): Promise<UpdateStatus | undefined> {
    try {
      return await this.#options.helper?.status();
    } catch (error) {
      if (error instanceof CodedError && error.code === 'conflict') return undefined;
      throw error;
    }
  }

  #otherOf({ other }: UpdateStatus): UpdatesView['other'] {
    return { ...other, older: other.version !== null && isOlder(other.version, this.#options.version) };
  }

  async #receivedPath(): Promise<string> {
    if ((await this.#bundle.look()) !== null) return this.#bundle.path;
    throw new CodedError('not-found', 'No update was received. Send it first. Nothing was changed.');
  }

  /** @throws {CodedError} `not-found` */
  async #attachedPath({ source, name }: { source: string; name: string }): Promise<string> {
    const disk = (await this.#options.lookedAt()).find(({ id }) => id === source);
    if (disk === undefined || !isBundleName(name))
      throw new CodedError('not-found', 'There is no such update on an attached disk. Nothing was changed.');
    return join(disk.path, name);
  }

  #requireHelper(): UpdateHelper {
    if (this.#options.helper !== undefined) return this.#options.helper;
    throw new CodedError(
      'not-this-machine',
      'Nightjar is not on a device of its own here: it is updated as it was installed. Nothing was changed.',
    );
  }

  /** One at a time: whoever comes while another one is still being begun is told to wait. @throws {CodedError} `busy` */
  async #begin<T>(run: () => Promise<T>): Promise<T> {
    if (this.#beginning) throw underWay();
    this.#beginning = true;
    try {
      const activity = (await this.#status())?.activity ?? null;
      if (activity !== null || this.#bundle.receiving !== undefined || this.#fetch.running) throw underWay();
      return await run();
    } finally {
      this.#beginning = false;
    }
  }

  #confirm(by: By): void {
    if (by.kind === 'person') this.#options.requireConfirmed(by);
  }

  async #record(event: string, by: By, detail: Record<string, string | number | boolean>): Promise<void> {
    const { database, record } = this.#options;
    await database.write(() => record({ event, actor: actorOf(by), detail }));
  }
}

function underWay(): CodedError {
  return new CodedError('busy', 'An update is under way. Wait for it, and look what becomes of it.');
}
