/**
 * Who may come in, put together: access with all its parts, phones, and what belongs to both. A part of the composition
 * root, which alone calls it.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Access } from './access/access.ts';
import { Approvals } from './access/approvals.ts';
import { approvalsRoutes } from './access/approvals-routes.ts';
import { Approvers } from './access/approvers.ts';
import { AuditLog } from './access/audit-log.ts';
import { BootFile } from './access/boot-file.ts';
import { sessionDoor } from './access/door.ts';
import { Household } from './access/household.ts';
import { householdRoutes } from './access/household-routes.ts';
import { Invitations } from './access/invitations.ts';
import { PersonLimits } from './access/limits.ts';
import type { PasswordCost } from './access/passwords.ts';
import { Recovery } from './access/recovery.ts';
import { Refusals } from './access/refusals.ts';
import { accessRoutes } from './access/routes.ts';
import { sessionTokenFrom } from './access/sessions.ts';
import type { Person } from './access/sign-in.ts';
import { eventsContract, type LiveEvent } from './api.ts';
import type { Appliance, ApplianceOptions } from './appliance/appliance.ts';
import type { Config } from './config.ts';
import type { Caller, ConsoleCaller, PersonCaller } from './http/caller.ts';
import type { Routes } from './http/contract.ts';
import type { LiveEvents } from './http/live-events.ts';
import { transportOf } from './http/server.ts';
import { basicPassword } from './phones/connections.ts';
import { connectionsRoutes } from './phones/connections-routes.ts';
import { PhoneEndings } from './phones/endings.ts';
import { type BoxFacts, Phones } from './phones/phones.ts';
import { phonesRoutes } from './phones/routes.ts';
import type { Database } from './platform/database.ts';
import { CodedError } from './platform/errors.ts';
import type { JobHandler } from './platform/jobs.ts';
import { isOnLink, localLinks } from './platform/links.ts';
import type { Logger } from './platform/log.ts';
import type { NameLeafChange, Presence } from './presence.ts';
import type { UploadOwner } from './uploads/upload.ts';

export type AdmissionDeps = Readonly<{
  config: Pick<Config, 'stateDir' | 'name' | 'setupCode' | 'bootFile'>;
  database: Database;
  presence: Presence;
  appliance: Appliance;
  /** Of the https door, for links; 0 until it is open. */
  httpsPort: () => number;
  /** Of the plain one, for the page that says how to trust the box. */
  httpPort: () => number;
  live: LiveEvents<LiveEvent>;
  /** Adopts the disk: runs before a claim is committed. */
  onClaimed: (owner: Person) => Promise<void>;
  passwordCost: PasswordCost | undefined;
  now: () => number;
  log: Logger;
}>;

type Opened = Readonly<{
  approvers: Approvers;
  approvals: Approvals;
  phones: Phones;
  endings: PhoneEndings;
  household: Household;
  invitations: Invitations;
  recovery: Recovery;
  refusals: Refusals;
  limits: PersonLimits;
}>;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export class Admission {
  readonly access: Access;
  readonly #deps: AdmissionDeps;
  #parts: Opened | undefined;

  /** @throws {CodedError} `confirm-first` */
  readonly requireConfirmed = (caller: PersonCaller): void => this.access.book.requireConfirmed(caller);

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
    const { config, database, presence, appliance, live, onClaimed, now, log } = deps;
    this.access = new Access({
      database,
      stateDir: config.stateDir,
      boxName: () => presence.name,
      setupCode: config.setupCode,
      passwordCost: deps.passwordCost,
      onClaimed,
      onClaimedInWrite: ({ page }) => page && appliance.firstRun.beginInWrite(),
      timeZone: appliance.timeZone,
      tell: (personId, event) => live.tell({ personId }, event),
      now,
      randomBytes,
      log,
    });
  }

  /** On an open database. */
  async open(): Promise<void> {
    const { access } = this;
    await access.open();
    const { database, presence, httpPort, live, now, log } = this.#deps;
    const { options, factors, recoveryCodes, guard, browsers, lock, signIn } = access.parts;
    const requireConfirmed = (caller: PersonCaller) => access.book.requireConfirmed(caller);
    const boxFacts = () => this.#boxFacts();
    const approvers = new Approvers({
      ...options,
      factors,
      recoveryCodes,
      // Of one another: a phone's key lives as long as the phone, and a phone is paired with its key.
      livingPhone: (id) => phones.livingPhone(id),
      renewPageTokenInWrite: (id) => phones.renewPageTokenInWrite(id),
      requireConfirmed,
    });
    const phones = new Phones({
      ...options,
      access,
      approvers,
      requireConfirmed,
      boxFacts,
      welcome: () => presence.welcome(httpPort()),
      tell: (openedBy, event) => live.tell({ personId: openedBy ?? '', owners: true }, event),
      notify: (openedBy, kind, detail) => {
        const personId = openedBy ?? access.people().find(({ role }) => role === 'owner')?.id;
        if (personId !== undefined) options.notify(personId, kind, detail);
      },
      log,
    });
    phones.open();
    const approvals = new Approvals({
      ...options,
      isOwnOrigin: (origin) => isOwnOrigin(origin, presence),
      inHomeNetwork: (address) => isOnLink(address, localLinks()),
      tell: (personId, event) => live.tell({ personId }, event),
      endSessionInWrite: (personId, id) => void access.book.endInWrite(personId, id),
    });
    const endings = new PhoneEndings({ database, now, approvers });
    const household = new Household({
      ...options,
      endPhonesInWrite: (id) => endings.endInWrite(id),
      gonePhonesInWrite: (id, sessionId) => endings.goneInWrite(id, sessionId),
    });
    const invitations = new Invitations({ ...options, boxFacts, lock, signIn });
    const clearThrottleInWrite = (id: string) => guard.forgetInWrite(id, browsers.idsOf(id));
    const recovery = new Recovery({ ...options, invitations, clearThrottleInWrite });
    const refusals = new Refusals({ database, record: options.record, log });
    const limits = new PersonLimits(options);
    this.#parts = { approvers, approvals, phones, endings, household, invitations, recovery, refusals, limits };
  }

  get phones(): Phones {
    return this.#opened.phones;
  }

  get household(): Household {
    return this.#opened.household;
  }

  get limits(): PersonLimits {
    return this.#opened.limits;
  }

  routes(): Routes[] {
    const { access } = this;
    const { approvals, approvers, phones, household, invitations, recovery } = this.#opened;
    const door = sessionDoor(transportOf);
    const auditLog = new AuditLog(this.#deps.database);
    const requireConfirmed = (caller: PersonCaller) => access.book.requireConfirmed(caller);
    const personName = (id: string) => access.person(id)?.name ?? '';
    return [
      accessRoutes({
        access,
        transportOf,
        boxName: () => this.#deps.presence.name,
        takeFirst: (asked, ownerId) => this.#deps.appliance.takeFirst(asked, ownerId),
      }),
      householdRoutes({ household, invitations, recovery, auditLog, door, requireConfirmed }),
      approvalsRoutes({ approvals, approvers, signIn: access.signing, door, personName }),
      phonesRoutes({ phones, transportOf }),
      connectionsRoutes({ connections: phones.connections, transportOf, addresses: () => this.#boxFacts().addresses }),
    ];
  }

  /** Who is asking: decided here and nowhere else. @throws {CodedError} `gone`, `locked` */
  identify(request: FastifyRequest): Caller {
    const transport = transportOf(request);
    if (transport === 'console') return { kind: 'console' };
    const { authorization, cookie } = request.headers;
    if (authorization !== undefined) {
      const token = /^Bearer ([A-Za-z0-9-]{16,128})$/i.exec(authorization)?.[1];
      if (token === undefined) return this.#app(request) ?? { kind: 'nobody' };
      const phone = this.#opened.phones.phoneByToken(token);
      if (phone === undefined) this.#opened.endings.refuseGone(token);
      return phone ?? { kind: 'nobody' };
    }
    const session = sessionTokenFrom(cookie, transport);
    // A stream only listens, and asks again by itself: with nobody there, the page is to be locked all the same.
    const use = request.routeOptions.url !== eventsContract.liveEvents.path;
    return (session === undefined ? undefined : this.access.personBySession(session, { use })) ?? { kind: 'nobody' };
  }

  /** A backup app, by the password that it sends (RFC 7617); the name beside it opens nothing. */
  #app({ headers: { authorization = '', 'user-agent': userAgent } }: FastifyRequest): Caller | undefined {
    const password = basicPassword(authorization);
    return password === undefined ? undefined : this.#opened.phones.connections.appByPassword(password, userAgent);
  }

  #boxFacts(): BoxFacts {
    return this.#deps.presence.facts(this.#deps.httpsPort());
  }

  /** Counts what a known caller was refused. */
  refused(caller: Caller, status: number, route: string): void {
    this.#opened.refusals.note(caller, status, route);
  }

  uploadOwner(phoneId: string): UploadOwner | undefined {
    const phone = this.#opened.phones.phone(phoneId);
    const owner = phone && this.importOwner(phoneId, phone.personId);
    return owner && { ...owner, baseFolder: phone.baseFolder };
  }

  /** Whose files come by no phone of theirs, but by what stands in its place. */
  importOwner(phoneId: string, personId: string): UploadOwner | undefined {
    const person = this.access.person(personId);
    if (person === undefined) return undefined;
    const { id, name, folder } = person;
    const { quotaBytes } = this.limits.of(id);
    return { phoneId, person: { id, name, folder }, baseFolder: `Photos/${folder}`, quotaBytes };
  }

  /** As `PhoneList.isOwn`. */
  isOwnPhone(caller: PersonCaller | ConsoleCaller, phoneId: string): boolean {
    return this.#opened.phones.isOwn(caller, phoneId);
  }

  namesOf(phoneId: string): { phone: string; person: string } {
    const phone = this.#opened.phones.phone(phoneId);
    return { phone: phone?.name ?? '', person: this.access.person(phone?.personId ?? '')?.name ?? '' };
  }

  /** Backup apps that pinned the certificate of the name will ask: the owner is told, before and when it happens. */
  async tellOwnerOfLeaf(change: NameLeafChange): Promise<void> {
    const owner = this.access.people().find(({ role }) => role === 'owner');
    if (owner === undefined) return;
    const { notify } = this.access.parts.options;
    await this.#deps.database.write(() => {
      if (change.change === 'due') notify(owner.id, 'certificate-due', { at: change.at });
      else notify(owner.id, 'certificate-renewed', { why: change.why });
    });
  }

  /** What the first run goes by. */
  firstRunFacts(): Omit<ReturnType<ApplianceOptions['facts']>, 'disks'> {
    const { factors, recoveryCodes, recoveryKey } = this.access.parts;
    const owner = this.access.people().find(({ role }) => role === 'owner');
    return {
      claimed: owner !== undefined,
      secondFactor: owner !== undefined && factors.has(owner.id),
      recovery: recoveryKey.state() !== undefined || (owner !== undefined && recoveryCodes.left(owner.id) > 0),
      phones: this.phones.list({ kind: 'console' }).length,
    };
  }

  /** What the owner asked for by the file on the boot partition. After listening: its links name the port. */
  async actOnBootFile(): Promise<void> {
    const { config, database, log } = this.#deps;
    const { recovery } = this.#opened;
    await new BootFile({ path: config.bootFile, database, recovery, log }).act();
  }

  /** Its housekeeping: what runs out, and what was asked for with a delay. */
  handlers(): Record<string, JobHandler & { everyMs: number }> {
    const { phones, invitations, approvals, recovery } = this.#opened;
    const { codes } = this.access.parts;
    const each = (everyMs: number, run: () => Promise<unknown>) => ({
      version: 1,
      leaseMs: minuteMs,
      attemptsMax: 5,
      everyMs,
      run: async () => void (await run()),
    });
    return {
      'remove-ended-pairings': each(hourMs, () => phones.removeExpired()),
      'remove-ended-invitations': each(hourMs, () => invitations.removeExpired()),
      'remove-ended-approvals': each(hourMs, () => approvals.removeOld()),
      'drop-unconfirmed-authenticators': each(15 * minuteMs, () => codes.dropUnconfirmed()),
      'carry-out-resets': each(minuteMs, () => recovery.runDue()),
    };
  }

  /** Ends what waits for somebody, so that it does not hold the stop. */
  interrupt(): void {
    this.#parts?.approvals.close();
  }

  async stop(): Promise<void> {
    this.interrupt();
    await this.#parts?.refusals.close();
    await this.access.stop();
  }

  get #opened(): Opened {
    if (this.#parts === undefined) throw new CodedError('internal', 'Admission was used before it was opened.');
    return this.#parts;
  }
}

/** Whether `origin` (as browsers write it) is one of the box's: https, or http on this machine itself. */
function isOwnOrigin(origin: string, presence: Presence): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.origin !== origin) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || isOnLink(host, []);
  if (url.protocol === 'http:') return local;
  const own = localLinks().some(({ addresses }) => addresses.some(({ address }) => address === host));
  return url.protocol === 'https:' && (local || own || presence.allowHost(host));
}
