/**
 * Owns what the owner decides about the box as a thing: its name, its time zone, where its time comes from, its first run.
 * Never does what follows from a name or a time itself: that comes in by the constructor. Never sets the machine's clock.
 * Called by the composition root and by its own routes.
 */
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { Caller, ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database.ts';
import type { Destination } from '../platform/destinations.ts';
import { CodedError } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import type { JobHandler } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { Settings } from '../platform/settings.ts';
import { boxName } from './box-name.ts';
import type { BoxView } from './contract.ts';
import { FirstRun, type FirstRunFacts } from './first-run.ts';
import { hostAndPortOf, InternetTime, lookEveryMs } from './internet-time.ts';
import { isTimeZone, systemTimeZone, timeZone } from './time-zone.ts';

/** The box on its network, as this room needs it. */
export type BoxPresence = Readonly<{
  name: string;
  chosenName: string;
  fingerprint: string;
  certificates: NonNullable<BoxView['certificate']>;
  facts(port: number): Readonly<{ addresses: readonly string[] }>;
  rename(name: string, commit: (putInWrite: () => void) => Promise<void>): Promise<void>;
}>;
export type ApplianceOptions = Readonly<{
  database: Database;
  presence: BoxPresence;
  clock: Pick<Clock, 'now' | 'isBehind' | 'isRight' | 'tell'>;
  /** As `InternetTimeOptions.servers`. */
  timeServers: readonly string[];
  ports: () => Readonly<{ httpPort: number; httpsPort: number }>;
  version: string;
  /** The machine is the box's own device: it has the box's helper. Not told: it is not. */
  appliance?: boolean;
  /** The box took over a time: its own, in milliseconds since 1970, for the machine's clock. */
  onTime?: (now: number) => void;
  /** Whom the box asks may be others; resolves when the way there is open. Never rejects. */
  onDestinations?: () => Promise<void>;
  facts: () => Omit<FirstRunFacts, 'internetTime'>;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;
/** What is changed; what is not there stays as it is. */
export type BoxChange = Readonly<{ name?: string; timeZone?: string; internetTime?: boolean }>;
/** What came of something that was chosen with the claim. Null: nothing was. */
export type Chosen = { applied: boolean; problem: string | null } | null;
type Told = Readonly<{ by: 'internet' | 'browser'; at: number }>;

const zoneSetting = 'box.time-zone';
const internetTimeSetting = 'box.internet-time';
const toldSetting = 'box.time-told';

export class Appliance {
  readonly firstRun: FirstRun;
  readonly #options: ApplianceOptions;
  readonly #settings: Settings;
  readonly #internet: InternetTime;
  readonly #systemZone = systemTimeZone();
  #zone: string | undefined;
  #internetTime: boolean | null = null;
  #told: Told | undefined;
  #answer: BoxView['internetAnswer'] = null;

  constructor(options: ApplianceOptions) {
    const { database, facts, timeServers, randomBytes, log } = options;
    this.#options = options;
    this.#settings = new Settings(database);
    const known = () => ({ ...facts(), internetTime: this.#internetTime });
    this.firstRun = new FirstRun({ database, settings: this.#settings, facts: known });
    const steady = () => performance.now();
    this.#internet = new InternetTime({
      isOn: () => this.#internetTime === true,
      servers: timeServers,
      makeClient: async () => (await import('./sntp.ts')).makeTimeClient({ steady, randomBytes }),
      steady,
      onTime: (timeMs) => this.#internetTold(timeMs),
      log,
    });
  }

  /** Reads what was decided. Before anything asks for the time zone. */
  open(): void {
    const zone = this.#settings.text(zoneSetting);
    // A later program may know fewer zones, or other names of them.
    this.#zone = zone !== undefined && isTimeZone(zone) ? zone : undefined;
    const internetTime = this.#settings.text(internetTimeSetting);
    this.#internetTime = internetTime === undefined ? null : internetTime === 'yes';
    const told = this.#settings.text(toldSetting);
    this.#told = told === undefined ? undefined : (JSON.parse(told) as Told);
  }

  /** Asks for the time, if it may. Nobody waits for that. */
  start(): void {
    this.#askSoon();
  }

  async close(): Promise<void> {
    await this.#internet.close();
  }

  /** The zone (IANA) in which the box tells dates and times: chosen, else the machine's. */
  readonly timeZone = (): string => this.#zone ?? this.#systemZone;

  /** What the internet said last, since the box started; null: nobody asked it. */
  get internetAnswer(): BoxView['internetAnswer'] {
    return this.#answer;
  }

  /** Whom it asks for the time, if it may. */
  destinations(): Destination[] {
    if (this.#internetTime !== true) return [];
    return this.#options.timeServers.map((server) => ({ protocol: 'udp', ...hostAndPortOf(server) }));
  }

  /** Its housekeeping. */
  handlers(): Record<string, JobHandler & { everyMs: number }> {
    const run = () => this.#internet.look();
    return { 'ask-the-time': { version: 1, leaseMs: 60_000, attemptsMax: 5, everyMs: lookEveryMs, run } };
  }

  view(caller: PersonCaller | ConsoleCaller): BoxView {
    const { presence, ports, version, clock, now } = this.#options;
    const { httpPort, httpsPort } = ports();
    const forOwner = caller.kind === 'console' || caller.role === 'owner';
    // What it was told counts while the machine's clock is behind it, or was set by it.
    const told = clock.isBehind() || !clock.isRight() ? this.#told : undefined;
    return {
      name: presence.name,
      chosenName: presence.chosenName,
      addresses: [...presence.facts(httpsPort).addresses],
      fingerprint: presence.fingerprint,
      httpsPort,
      httpPort,
      timeZone: this.timeZone(),
      now: now(),
      timeSource: { source: told?.by ?? 'system', toldAt: this.#told?.at ?? null },
      internetTime: forOwner ? this.#internetTime : null,
      internetAnswer: forOwner ? this.#answer : null,
      version,
      appliance: this.#options.appliance === true,
      certificate: forOwner ? presence.certificates : null,
    };
  }

  /**
   * Changes all that is asked for, or nothing where it cannot be. The name needs the person to have proved lately to be
   * there. @throws {CodedError} `invalid-name`, `invalid-request`, `confirm-first`
   */
  async change(asked: BoxChange, by: PersonCaller | ConsoleCaller): Promise<BoxView> {
    const zone = asked.timeZone === undefined ? undefined : timeZone(asked.timeZone);
    const name = asked.name === undefined ? undefined : boxName(asked.name);
    if (name !== undefined && name !== this.#options.presence.chosenName) {
      if (by.kind === 'person') this.#options.requireConfirmed(by);
      await this.#rename(name, actorOf(by));
    }
    if (zone !== undefined) await this.#changeZone(zone, actorOf(by));
    if (asked.internetTime !== undefined) await this.#changeInternetTime(asked.internetTime, actorOf(by));
    return this.view(by);
  }

  /** What was chosen with the claim, by the box's new owner. Never throws: the claim stands whatever becomes of it. */
  async takeFirst(
    asked: { name?: string | undefined; timeZone?: string | undefined },
    ownerId: string,
  ): Promise<{ name: Chosen; timeZone: Chosen }> {
    const actor = `person:${ownerId}`;
    const { name, timeZone: zone } = asked;
    return {
      name: name === undefined ? null : await this.#tried(() => this.#rename(boxName(name), actor)),
      timeZone: zone === undefined ? null : await this.#tried(() => this.#changeZone(timeZone(zone), actor)),
    };
  }

  /** The box took over a time that a page of the owner told. */
  async browserTold(by: Caller): Promise<void> {
    await this.#keepTold('browser', actorOf(by));
  }

  async #tried(run: () => Promise<void>): Promise<Chosen> {
    try {
      await run();
      return { applied: true, problem: null };
    } catch (error) {
      if (!(error instanceof CodedError)) this.#options.log.error({ err: error }, 'a choice could not be applied');
      const problem = error instanceof CodedError ? error.message : 'That failed. The box is set up all the same.';
      return { applied: false, problem };
    }
  }

  async #rename(name: string, actor: string): Promise<void> {
    const { presence, database, record } = this.#options;
    const from = presence.chosenName;
    await presence.rename(name, (putInWrite) =>
      database.write(() => {
        putInWrite();
        record({ event: 'box-renamed', actor, detail: { from, to: name } });
      }),
    );
  }

  async #changeZone(zone: string, actor: string): Promise<void> {
    const { database, record } = this.#options;
    const from = this.timeZone();
    if (zone === this.#zone) return;
    await database.write(() => {
      this.#settings.putTextInWrite(zoneSetting, zone);
      record({ event: 'time-zone-changed', actor, detail: { from, to: zone } });
    });
    this.#zone = zone;
  }

  async #changeInternetTime(internetTime: boolean, actor: string): Promise<void> {
    const { database, record } = this.#options;
    if (internetTime === this.#internetTime) return;
    await database.write(() => {
      this.#settings.putTextInWrite(internetTimeSetting, internetTime ? 'yes' : 'no');
      record({ event: 'internet-time-changed', actor, detail: { asks: internetTime } });
    });
    this.#internetTime = internetTime;
    await this.#options.onDestinations?.();
    this.#askSoon();
  }

  #askSoon(): void {
    this.#internet.ask().catch((err: unknown) => this.#options.log.warn({ err }, 'the time could not be asked for'));
  }

  async #internetTold(timeMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const at = clock.now();
    const told = clock.tell(timeMs);
    const aheadMs = timeMs - at;
    this.#answer = { at: Math.max(at, clock.now()), aheadMs };
    log.info({ told, aheadMs }, 'the internet told the time');
    if (told === 'used') await this.#keepTold('internet', 'nobody');
  }

  async #keepTold(by: Told['by'], actor: string): Promise<void> {
    const { database, record, now } = this.#options;
    const told: Told = { by, at: now() };
    await database.write(() => {
      this.#settings.putTextInWrite(toldSetting, JSON.stringify(told));
      record({ event: 'time-told', actor, detail: { now: told.at, by } });
    });
    this.#told = told;
    this.#options.onTime?.(told.at);
  }
}
