/**
 * Owns what the box does with the machine that it stands on: networks, restarting, shutting down, factory reset, the remote
 * shell. Never does any of it itself: the privileged helper does, and only on a device of its own. Keeps nothing on disk.
 * Called by its own routes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { BoxHelper } from './box-helper.ts';
import type { BoxRequest, BoxVerb } from './box-protocol.ts';
import type { LastJoin, NetworkView, RemoteShellView } from './device-contract.ts';

export type Asking = PersonCaller | ConsoleCaller;
export type DeviceOptions = Readonly<{
  helper: BoxHelper;
  boxName: () => string;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  /** Into the audit log; durable when it returns. */
  record: (event: string, by: Asking, detail: Record<string, string | number | boolean>) => Promise<void>;
  /** Every attached disk is unmounted and spun down, as far as it may be; ends after so long. Never rejects. */
  letGoOfDisks: (limitMs: number) => Promise<void>;
  /** The machine did not go off: they are taken up again, as far as they are still there. Never rejects. */
  takeDisksBack: () => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
}>;
type Wanted = Readonly<{ ssid: string; passphrase: string; country?: string | undefined }>;

const ssidBytesMax = 32;
/** Of spinning disks, whose caches are written out and whose heads are parked. */
const letGoMsMax = 90_000;
/** What goes wrong at once is answered; the rest goes on by itself. */
const replyWithinMs = 5_000;
/** A reset or a restart that did not come may be asked for again. */
const endingMsMax = 10 * 60_000;

export class Device {
  readonly #options: DeviceOptions;
  #joining: Readonly<{ ssid: string; since: number; done: Promise<void> }> | undefined;
  #lastJoin: LastJoin | null = null;
  #endsAt: number | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  close(): void {
    this.#options.helper.close();
  }

  /** `look`: for Wi-Fi networks, which takes some seconds. @throws {CodedError} as the helper */
  async network({ look }: { look: boolean }): Promise<NetworkView> {
    const { helper } = this.#options;
    const joining = this.#joining === undefined ? null : { ssid: this.#joining.ssid, since: this.#joining.since };
    const state = { joining, lastJoin: this.#lastJoin };
    if (!helper.there) {
      if (look) await helper.ask({ verb: 'network', look });
      return { appliance: false, links: [], wifi: null, ...state };
    }
    // While a network is tried, wpa_supplicant looks around by itself.
    const { links, wifi } = await helper.ask({ verb: 'network', look: look && joining === null });
    return { appliance: true, links, wifi, ...state };
  }

  /**
   * Tries a network in the background; the view says what becomes of it.
   * @throws {CodedError} `confirm-first`, `invalid-request`, `busy`, `conflict`: there is no Wi-Fi
   */
  async join({ ssid, passphrase, country = '' }: Wanted, by: Asking): Promise<NetworkView> {
    this.#confirm(by);
    if (Buffer.byteLength(ssid) > ssidBytesMax || /[\p{Cc}\p{Cs}]/u.test(ssid)) {
      throw new CodedError('invalid-request', 'No Wi-Fi network can have this name. Nothing was changed.');
    }
    this.#require();
    const { wifi } = await this.network({ look: false });
    if (wifi === null) throw new CodedError('conflict', 'This machine has no Wi-Fi. Nothing was changed.');
    if (this.#joining !== undefined) {
      throw new CodedError('busy', 'The box is trying a network already. Wait for a minute, and look what came of it.');
    }
    const since = this.#options.now();
    const start = Promise.withResolvers<void>();
    const done = start.promise.then(() => this.#join({ verb: 'wifi-join', ssid, passphrase, country }, by));
    // Before anything is waited for: the next one is told to wait.
    this.#joining = { ssid, since, done };
    try {
      await this.#options.record('wifi-chosen', by, { network: ssid });
      start.resolve();
    } catch (error) {
      this.#joining = undefined;
      throw error;
    }
    return await this.network({ look: false });
  }

  async #join(request: Extract<BoxRequest, { verb: 'wifi-join' }>, by: Asking): Promise<void> {
    const { helper, record, now, log } = this.#options;
    const { ssid } = request;
    let came: Pick<LastJoin, 'outcome' | 'why'> = { outcome: 'not-joined', why: 'failed' };
    try {
      came = await helper.ask(request);
    } catch (err) {
      log.warn({ err }, 'a Wi-Fi network could not be tried');
    }
    this.#lastJoin = { ssid, at: now(), ...came };
    this.#joining = undefined;
    log.info({ outcome: came.outcome, why: came.why }, 'a Wi-Fi network was tried');
    await record('wifi-tried', by, { network: ssid, outcome: came.outcome, why: came.why ?? '' }).catch(
      (err: unknown) => log.warn({ err }, 'what came of a Wi-Fi network could not be noted'),
    );
  }

  /** @throws {CodedError} `confirm-first`, `busy`, as the helper */
  async forgetWifi(by: Asking): Promise<NetworkView> {
    await this.#do('wifi-forgotten', by, { verb: 'wifi-forget' });
    return await this.network({ look: false });
  }

  /** @throws {CodedError} `confirm-first`, as the helper */
  async restart(by: Asking): Promise<void> {
    await this.#end('box-restarted', by, { verb: 'restart' });
  }

  /** The disks first. @throws {CodedError} `confirm-first`, as the helper */
  async shutDown(by: Asking): Promise<void> {
    await this.#end('box-shut-down', by, { verb: 'power-off' });
  }

  /** `name`: of the box, as the person typed it. @throws {CodedError} `confirm-first`, `invalid-request`, as the helper */
  async reset(name: string, by: Asking): Promise<void> {
    this.#confirm(by);
    if (name.trim().toLowerCase() !== this.#options.boxName().toLowerCase()) {
      throw new CodedError('invalid-request', 'The name typed is not that of the box. Nothing was changed.');
    }
    await this.#end('box-reset', by, { verb: 'factory-reset' });
  }

  /** @throws {CodedError} as the helper */
  async remoteShell(): Promise<RemoteShellView> {
    const { helper } = this.#options;
    if (!helper.there) return { appliance: false, on: false, user: '', keys: [] };
    return { appliance: true, ...(await helper.ask({ verb: 'ssh-status' })) };
  }

  /** `keys` undefined: those that are there. @throws {CodedError} `confirm-first`, `invalid-request`, as the helper */
  async setRemoteShell(asked: { on: boolean; keys?: string[] | undefined }, by: Asking): Promise<RemoteShellView> {
    this.#confirm(by);
    const { helper } = this.#options;
    const kept = async () => (await helper.ask({ verb: 'ssh-status' })).keys.map(({ line }) => line);
    const keys = asked.keys?.map((line) => line.trim()).filter((line) => line !== '') ?? (await kept());
    if (asked.on && keys.length === 0) {
      throw new CodedError('invalid-request', 'Without a key nobody could come in. Nothing was changed.');
    }
    try {
      await this.#do(
        'remote-shell-changed',
        by,
        { verb: 'ssh', on: asked.on, keys },
        { on: asked.on, keys: keys.length },
      );
    } catch (error) {
      const refused = error instanceof CodedError && error.code === 'invalid-request' && keys.length > 0;
      if (!refused) throw error;
      const form = 'one line each, as in a file .pub: its kind, the key, and a name';
      throw new CodedError('invalid-request', `One of the keys is not understood: ${form}. Nothing was changed.`);
    }
    return await this.remoteShell();
  }

  /** Written down before: what ends the machine ends this program too. */
  async #end(event: string, by: Asking, request: BoxRequest): Promise<void> {
    this.#confirm(by);
    this.#require();
    const { now, log } = this.#options;
    if (this.#endsAt !== undefined && now() < this.#endsAt + endingMsMax) {
      throw new CodedError('busy', 'The machine is about to restart or to go off already.');
    }
    this.#endsAt = now();
    const done = this.#ended(event, by, request).catch((err: unknown) => {
      this.#endsAt = undefined;
      log.error({ err, verb: request.verb }, 'the machine does not end as it was asked to');
      throw err;
    });
    const enough = new AbortController();
    await Promise.race([done, sleep(replyWithinMs, undefined, { signal: enough.signal, ref: false })]).finally(() =>
      enough.abort(),
    );
    done.catch(() => undefined);
  }

  async #ended(event: string, by: Asking, request: BoxRequest): Promise<void> {
    const { helper, record, letGoOfDisks, takeDisksBack, log } = this.#options;
    await record(event, by, {});
    if (request.verb === 'power-off') await letGoOfDisks(letGoMsMax);
    try {
      await helper.ask(request);
    } catch (error) {
      // Who asked may be answered already: it stands in the log, beside what was asked for.
      await record('box-change-failed', by, { what: event }).catch((err: unknown) =>
        log.warn({ err }, 'that the machine did not end could not be noted'),
      );
      if (request.verb === 'power-off' && staysOn(error)) await takeDisksBack();
      throw error;
    }
  }

  /** Written down before: what is done leaves a trace, whatever happens to the power or the answer meanwhile. */
  async #do(
    event: string,
    by: Asking,
    request: BoxRequest & { verb: BoxVerb },
    detail: Record<string, string | number | boolean> = {},
  ): Promise<void> {
    this.#confirm(by);
    this.#require();
    const { helper, record, log } = this.#options;
    await record(event, by, detail);
    try {
      await helper.ask(request);
    } catch (error) {
      await record('box-change-failed', by, { what: event }).catch((err: unknown) =>
        log.warn({ err }, 'that a change failed could not be noted'),
      );
      throw error;
    }
  }

  #confirm(by: Asking): void {
    if (by.kind === 'person') this.#options.requireConfirmed(by);
  }

  /** Before anything is let go of. @throws {CodedError} `not-this-machine` */
  #require(): void {
    this.#options.helper.require();
  }
}

/** For sure: where no answer came, it may go off all the same, and no disk is to be written to then. */
function staysOn(error: unknown): boolean {
  if (!(error instanceof CodedError)) return false;
  const { refusal } = error.facts;
  return error.code === 'command-missing' || (refusal !== undefined && refusal !== 'timeout');
}
