/**
 * Owns the ways by which the box tells off the box: e-mail and a webhook, off until the owner sets one up and switches it
 * on. Never answers, logs or audits a secret (a password, a token, the path of a webhook, which is often one too).
 * Called by the watch, which has something to tell, and by its own routes.
 */
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { type Destination, destinationsOf } from '../platform/destinations.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { AlertChange } from './alert-book.ts';
import type { ChannelsView, MailChange, WebhookChange } from './channels-contract.ts';
import { type ChannelKind, ChannelsStore } from './channels-store.ts';
import type { WatchFacts } from './facts.ts';
import type { Message } from './message.ts';
import { Outbox, sendMsMax } from './outbox.ts';
import type { NightReport } from './reports-contract.ts';
import { alertMessage, reportMessage, testMessage } from './words.ts';

export type ChannelsDeps = Readonly<{
  database: Database;
  boxName: () => string;
  boxId: () => string;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  /** What is sent to may be another; resolves when the way there is open. Never rejects. */
  onDestinations?: () => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

type Asker = PersonCaller | ConsoleCaller;
type MailSettings = Omit<MailChange, 'password'>;
type HookSettings = Omit<WebhookChange, 'url' | 'token'>;
type HookSecret = Readonly<{ url: string; token: string | null }>;

const kinds: readonly ChannelKind[] = ['mail', 'webhook'];

export class Channels {
  readonly outbox: Outbox;
  readonly #deps: ChannelsDeps;
  readonly #rows: ChannelsStore;
  #testing: ChannelKind | undefined;

  constructor(deps: ChannelsDeps) {
    this.#deps = deps;
    this.#rows = new ChannelsStore(deps.database);
    this.outbox = new Outbox({
      database: deps.database,
      rows: this.#rows,
      send: (kind, message, signal) => this.#send(kind, message, signal),
      now: deps.now,
      log: deps.log,
    });
  }

  view(): ChannelsView {
    const mail = this.#mail();
    const hook = this.#hook();
    return {
      mail: mail && { ...mail.settings, passwordSet: mail.password !== null, waiting: this.#waiting('mail') },
      webhook: hook && {
        ...hook.settings,
        origin: new URL(hook.secret.url).origin,
        tokenSet: hook.secret.token !== null,
        waiting: this.#waiting('webhook'),
      },
    };
  }

  /** @throws {CodedError} `confirm-first`, `invalid-request` */
  async setMail({ password: asked, ...settings }: MailChange, by: Asker): Promise<ChannelsView> {
    const before = this.#mail();
    const password = settings.user === null ? null : asked === undefined ? (before?.password ?? null) : asked;
    if (settings.security === 'none' && settings.user !== null) {
      throw invalid('A password travels only over TLS. Choose TLS or STARTTLS, or leave the user name away.');
    }
    const same = (one: MailSettings) => [one.host, one.port, one.security, one.user].join();
    // Else whoever sits at an open page could have the password sent to a server of theirs.
    if (asked === undefined && password !== null && before !== null && same(before.settings) !== same(settings)) {
      throw invalid('Where the server or the user is another, type the password again.');
    }
    await this.#put('mail', settings, password, by);
    return this.view();
  }

  /** @throws {CodedError} `confirm-first`, `invalid-request` */
  async setWebhook({ url: askedUrl, token: askedToken, ...settings }: WebhookChange, by: Asker): Promise<ChannelsView> {
    const before = this.#hook();
    const url = askedUrl === undefined ? before?.secret.url : checkedUrl(askedUrl);
    if (url === undefined) throw invalid('The webhook needs an address.');
    const token = askedToken === undefined ? (before?.secret.token ?? null) : askedToken;
    const moved = before !== null && new URL(url).origin !== new URL(before.secret.url).origin;
    if (askedToken === undefined && token !== null && moved) {
      throw invalid('Where the address is another, type the token again.');
    }
    await this.#put('webhook', settings, JSON.stringify({ url, token } satisfies HookSecret), by);
    return this.view();
  }

  /** @throws {CodedError} `confirm-first`, `not-found` */
  async remove(kind: ChannelKind, by: Asker): Promise<void> {
    this.#require(kind);
    if (by.kind === 'person') this.#deps.requireConfirmed(by);
    await this.#deps.database.write(() => {
      this.#rows.remove(kind);
      this.#deps.record({ event: 'channel-removed', actor: actorOf(by), subject: kind });
    });
    await this.#deps.onDestinations?.();
  }

  /**
   * Sends a message now, whether the channel is on or off; what waits is tried again after it.
   * @throws {CodedError} `not-found`, `send-failed` with what the other side said, `busy`
   */
  async test(kind: ChannelKind): Promise<void> {
    this.#require(kind);
    if (this.#testing !== undefined)
      throw new CodedError('busy', 'A test is being sent. Wait until it has come to an end.');
    this.#testing = kind;
    const { boxName, now, database } = this.#deps;
    try {
      await this.#deps.onDestinations?.();
      await this.#send(kind, testMessage(boxName(), now()), AbortSignal.timeout(sendMsMax));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CodedError('send-failed', `The test was not sent: ${why.slice(0, 300)}`);
    } finally {
      this.#testing = undefined;
      void this.#deps.onDestinations?.();
    }
    if (this.#rows.waiting(kind).messages === 0) return;
    await database.write(() => this.#rows.tryNow(kind, now()));
    void this.outbox.flush();
  }

  /** Only inside `database.write`, beside the change. */
  tellAlertInWrite(change: AlertChange): void {
    for (const kind of kinds) {
      const choices = this.#choices(kind);
      if (choices === undefined || choices.alerts === 'none') continue;
      if (choices.alerts === 'act' && change.alert.severity !== 'act') continue;
      // That it does not work is said by the other one, and at home.
      if (change.alert.code === 'channel-failing' && change.alert.params['channel'] === kind) continue;
      this.outbox.putInWrite(kind, alertMessage(change, this.#deps.now()));
    }
  }

  /** Only inside `database.write`, beside the report. */
  tellReportInWrite(report: NightReport): void {
    for (const kind of kinds) {
      if (this.#choices(kind)?.reports === true) {
        this.outbox.putInWrite(kind, reportMessage(report, this.#deps.now()));
      }
    }
  }

  /** Where messages go: of those that are on, and of the one that is tried just now. */
  destinations(): Destination[] {
    const goes = (kind: ChannelKind, enabled: boolean | undefined) => enabled === true || this.#testing === kind;
    const mail = this.#mail()?.settings;
    const hook = this.#hook();
    return [
      ...(mail !== undefined && goes('mail', mail.enabled)
        ? [{ protocol: 'tcp', host: mail.host, port: mail.port } as const]
        : []),
      ...(hook !== null && goes('webhook', hook.settings.enabled) ? destinationsOf(hook.secret.url) : []),
    ];
  }

  failing(): WatchFacts['failing'] {
    return kinds.flatMap((channel) => {
      const { messages, oldest } = this.#rows.waiting(channel);
      if (oldest === undefined || oldest.attempts === 0) return [];
      return [{ channel, since: oldest.created_at, waiting: messages }];
    });
  }

  /** Undefined: off. */
  #choices(kind: ChannelKind): Pick<MailSettings, 'alerts' | 'reports'> | undefined {
    const settings = (kind === 'mail' ? this.#mail() : this.#hook())?.settings;
    return settings?.enabled === true ? settings : undefined;
  }

  async #put(
    kind: ChannelKind,
    settings: MailSettings | HookSettings,
    secret: string | null,
    by: Asker,
  ): Promise<void> {
    if (by.kind === 'person') this.#deps.requireConfirmed(by);
    const { enabled, alerts, reports } = settings;
    await this.#deps.database.write(() => {
      this.#rows.put({ kind, settings: JSON.stringify(settings), secret });
      // What was to be said while it was on is old news when it is on again.
      if (!enabled) this.#rows.dropWaiting(kind);
      const detail = { enabled, alerts, reports };
      this.#deps.record({ event: 'channel-changed', actor: actorOf(by), subject: kind, detail });
    });
    await this.#deps.onDestinations?.();
  }

  async #send(kind: ChannelKind, message: Message, signal: AbortSignal): Promise<void> {
    const { boxName, boxId } = this.#deps;
    if (kind === 'mail') {
      const mail = this.#mail();
      if (mail === null) return;
      const { sendMail } = await import('./mail.ts');
      const { settings, password } = mail;
      const server = { ...settings, password };
      await sendMail({ server, message, boxName: boxName(), boxId: boxId() }, signal);
      return;
    }
    const hook = this.#hook();
    if (hook === null) return;
    const { sendWebhook } = await import('./webhook.ts');
    await sendWebhook({ ...hook.secret, format: hook.settings.format }, message, signal);
  }

  #waiting(kind: ChannelKind) {
    const { messages, oldest } = this.#rows.waiting(kind);
    return { messages, attempts: oldest?.attempts ?? 0, error: oldest?.last_error ?? null };
  }

  #mail(): { settings: MailSettings; password: string | null } | null {
    const row = this.#rows.channel('mail');
    return row === undefined ? null : { settings: JSON.parse(row.settings) as MailSettings, password: row.secret };
  }

  #hook(): { settings: HookSettings; secret: HookSecret } | null {
    const row = this.#rows.channel('webhook');
    if (row?.secret === undefined || row.secret === null) return null;
    return { settings: JSON.parse(row.settings) as HookSettings, secret: JSON.parse(row.secret) as HookSecret };
  }

  #require(kind: ChannelKind): void {
    if (this.#rows.channel(kind) !== undefined) return;
    throw new CodedError('not-found', 'This channel is not set up. Nothing was sent or changed.');
  }
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalid('The address has to begin with https:// or http://, without a name or password in it.');
  }
  return url.href;
}

function invalid(why: string): CodedError {
  return new CodedError('invalid-request', `${why} Nothing was changed.`);
}
