/**
 * Owns the phones of the house: pairing them, the credentials by which they are known, and ending those.
 * Never reads or writes a photo; never keeps a secret readable; never lets one person touch another's phone.
 * Called by the composition root (who is asking), by library (whose phone, which folder), and by its own routes.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Access, Person } from '../access/access.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomCode, randomUuid } from '../platform/identifiers.ts';
import { Throttle } from '../platform/throttle.ts';
import { baseFolder } from './base-folder.ts';
import {
  codeGroups,
  codeTriesMax,
  type Found,
  findOpenPairing,
  type PairingKey,
  pairingCodeDigest,
  pairingMs,
  pairingSecretDigest,
  secretBytes,
} from './pairing.ts';
import { buildPairingLink } from './pairing-link.ts';
import { type ListedPhone, PhoneList, type Plan, seesAll } from './phone-list.ts';
import { PhonesStore } from './store.ts';

export type BoxFacts = Readonly<{
  name: string;
  /** `host:port` of the https door, best first; at least one. IPv6 in brackets. */
  addresses: readonly string[];
  /** The one of them that the link opens; default: the first. */
  linkAddress?: string;
  /** SHA-256 of the root certificate's DER, lower-case hexadecimal. */
  fingerprint: string;
}>;
/** What library needs to know of a phone. */
export type PhoneFacts = Readonly<{ personId: string; personFolder: string; baseFolder: string; name: string }>;
export type OpenPairing = Readonly<{
  link: string;
  code: string;
  phone: string;
  person: string;
  fingerprint: string;
  addresses: string[];
  expiresAt: number;
}>;
export type Redeemed = Readonly<{ phoneId: string; phone: string; person: string; box: string; token: string }>;
/** What a pairing shows before it is used: whose phone it makes, of which box, and where that answers. */
export type PairingLook = Readonly<{
  phone: string;
  person: string;
  baseFolder: string;
  expiresAt: number;
  box: string;
  addresses: string[];
  fingerprint: string;
}>;

export type PhonesOptions = Readonly<{
  database: Database;
  access: Pick<Access, 'claimed' | 'person' | 'personByName' | 'record'>;
  boxFacts: () => BoxFacts;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;

const phonesMax = 200;
const tokenBytes = 32;
/** A credential's last use is written at most this often. */
const touchMs = 10 * 60_000;
/** An ended pairing is kept this long, to say "used" or "run out" and not "unknown". */
const endedPairingMs = 7 * 24 * 60 * 60_000;

export class Phones {
  readonly #options: PhonesOptions;
  readonly #wrongCodes: Throttle;
  readonly #touching = new Set<number>();
  #parts: { store: PhonesStore; list: PhoneList } | undefined;

  constructor(options: PhonesOptions) {
    this.#options = options;
    // Over all pairings of the box: five tries of each code must not become five tries every few seconds.
    this.#wrongCodes = new Throttle({
      now: options.now,
      freeTries: 10,
      delayMsFirst: 5_000,
      delayMsMax: 5 * 60_000,
      triesMax: 100,
      restMs: 15 * 60_000,
      keysMax: 1,
    });
  }

  /** Prepares its statements; the box state must be open. */
  open(): void {
    const { database, access, now } = this.#options;
    const store = new PhonesStore(database);
    this.#parts = { store, list: new PhoneList({ database, store, access, now }) };
  }

  /**
   * Opens a pairing for 15 minutes and closes any other. `person` is a name; default: who asks. Members pair their own
   * phones only. @throws {CodedError} `not-set-up`, `not-found`, `forbidden`, `invalid-name`, `conflict`, `invalid-request`
   */
  async createPairing(
    caller: PersonCaller | ConsoleCaller,
    asked: { person?: string; phone: string; baseFolder?: string },
  ): Promise<OpenPairing> {
    const { database, access, boxFacts, now, randomBytes } = this.#options;
    if (!access.claimed()) {
      throw new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
    }
    const person = this.#personFor(caller, asked.person);
    const phone = displayName(asked.phone, 'a phone');
    const folder = baseFolder(asked.baseFolder, person.folder);
    const secret = randomBytes(secretBytes).toString('hex');
    const code = randomCode(randomBytes, codeGroups);
    const createdAt = now();
    const expiresAt = createdAt + pairingMs;
    await database.write(() => {
      if (this.#rows.phoneCount() >= phonesMax) throw tooManyPhones();
      this.#rows.openNewPairing({
        id: randomUuid(randomBytes),
        personId: person.id,
        phoneName: phone,
        baseFolder: folder,
        secretSha256: pairingSecretDigest(secret),
        codeSha256: pairingCodeDigest(code),
        createdAt,
        expiresAt,
        triesLeft: codeTriesMax,
      });
      access.record({ event: 'pairing-opened', actor: actorOf(caller), subject: person.id });
    });
    const box = boxFacts();
    const host = box.linkAddress ?? box.addresses[0];
    if (host === undefined) throw new CodedError('internal', 'The box does not know its own address yet. Try again.');
    const { name, fingerprint, addresses } = box;
    const link = buildPairingLink({ host, secret, fingerprint, addresses, box: name });
    return { link, code, phone, person: person.name, fingerprint, addresses: [...addresses], expiresAt };
  }

  /**
   * Whose phone a pairing is for; does not use it up. A wrong code costs one of its tries.
   * @throws {CodedError} `pairing-unknown`, `pairing-used`, `pairing-expired`, `too-many-requests`
   */
  async lookAtPairing(key: PairingKey): Promise<PairingLook> {
    const found = await this.#open(key, (opened) => opened);
    const person = this.#livingPerson(found.person_id);
    const { name: box, addresses, fingerprint } = this.#options.boxFacts();
    const { phone_name: phone, base_folder: folder, expires_at: expiresAt } = found;
    return { phone, person: person.name, baseFolder: folder, expiresAt, box, addresses: [...addresses], fingerprint };
  }

  /**
   * Uses a pairing up: phone, credential and audit row, all or none. The token is shown here once.
   * @throws {CodedError} as `lookAtPairing`
   */
  async redeemPairing(key: PairingKey, by: { client?: string; clientVersion?: string }): Promise<Redeemed> {
    const { access, boxFacts, now, randomBytes } = this.#options;
    const phoneId = randomUuid(randomBytes);
    const token = randomBytes(tokenBytes).toString('hex');
    return this.#open(key, (pairing) => {
      const person = this.#livingPerson(pairing.person_id);
      if (this.#rows.phoneCount() >= phonesMax) throw tooManyPhones();
      const at = now();
      this.#rows.insertPhone({
        id: phoneId,
        personId: person.id,
        name: pairing.phone_name,
        baseFolder: pairing.base_folder,
        client: by.client ?? null,
        clientVersion: by.clientVersion ?? null,
        createdAt: at,
      });
      this.#rows.insertCredential(phoneId, 'api', tokenDigest(token), at, null);
      this.#rows.markRedeemed(pairing.id, phoneId, at);
      access.record({ event: 'phone-paired', actor: `phone:${phoneId}`, subject: phoneId });
      return { phoneId, phone: pairing.phone_name, person: person.name, box: boxFacts().name, token };
    });
  }

  /** The phone that holds this token, unless it was revoked. Synchronous and cheap; the last use is written later. */
  phoneByToken(token: string): PhoneCaller | undefined {
    // The token has 256 random bits: looking its digest up tells nothing by time.
    const row = this.#rows.credential('api', tokenDigest(token));
    if (row === undefined) return undefined;
    const now = this.#options.now();
    if (row.last_used_at === null && row.unused_until !== null && row.unused_until <= now) return undefined;
    if (row.last_used_at === null || Math.abs(now - row.last_used_at) >= touchMs) {
      this.#touchLater(row.credential_id, row.phone_id, now);
    }
    return { kind: 'phone', phoneId: row.phone_id, personId: row.person_id, phoneName: row.phone_name };
  }

  /** Where a phone's files belong; undefined for an unknown phone. A revoked one is still known. */
  phone(id: string): PhoneFacts | undefined {
    const row = this.#rows.phone(id);
    return (
      row && { personId: row.person_id, personFolder: row.person_folder, baseFolder: row.base_folder, name: row.name }
    );
  }

  /** As `PhoneList.list`. */
  list(caller: PersonCaller | ConsoleCaller): ListedPhone[] {
    return this.#phoneList.list(caller);
  }

  /** As `PhoneList.rename`. */
  async rename(caller: PersonCaller | ConsoleCaller, id: string, name: string): Promise<ListedPhone> {
    return this.#phoneList.rename(caller, id, name);
  }

  /** As `PhoneList.revoke`. */
  async revoke(caller: PersonCaller | ConsoleCaller, id: string): Promise<void> {
    await this.#phoneList.revoke(caller, id);
  }

  /** As `PhoneList.plan`. */
  async plan(caller: PhoneCaller, plan: Plan): Promise<void> {
    await this.#phoneList.plan(caller, plan);
  }

  /** Housekeeping: pairings that ended a week ago, credentials that died unused. Returns how many rows went. */
  removeExpired(): Promise<number> {
    const now = this.#options.now();
    return this.#options.database.write(() => this.#rows.removeExpired(now - endedPairingMs, now));
  }

  get #opened(): { store: PhonesStore; list: PhoneList } {
    if (this.#parts === undefined) throw new CodedError('internal', 'Phones was used before it was opened.');
    return this.#parts;
  }

  get #rows(): PhonesStore {
    return this.#opened.store;
  }

  get #phoneList(): PhoneList {
    return this.#opened.list;
  }

  /** Runs `use` on the open pairing of `key`, in the transaction that found it: of two at once, one wins. */
  async #open<T>(key: PairingKey, use: (pairing: Extract<Found, { row: unknown }>['row']) => T): Promise<T> {
    const { database, now } = this.#options;
    if ('code' in key) this.#wrongCodes.attempt('box');
    const outcome = await database.write(() => {
      const found = findOpenPairing(this.#rows, key, now());
      return 'refused' in found ? found : { value: use(found.row) };
    });
    if ('refused' in outcome) throw outcome.refused;
    if ('code' in key) this.#wrongCodes.succeeded('box');
    return outcome.value;
  }

  #personFor(caller: PersonCaller | ConsoleCaller, name: string | undefined): Person {
    const { access } = this.#options;
    if (name === undefined) {
      if (caller.kind === 'console') {
        throw new CodedError('invalid-request', 'Say whose phone it is. Nothing was paired.');
      }
      return this.#livingPerson(caller.personId);
    }
    const person = access.personByName(name);
    if (!seesAll(caller) && person?.id !== caller.personId) {
      throw new CodedError('forbidden', 'Only the owner pairs phones of other people. Nothing was paired.');
    }
    if (person === undefined) {
      throw new CodedError('not-found', `Nobody on this box is called “${name}”. Nothing was paired; add them first.`);
    }
    return person;
  }

  #livingPerson(id: string): Person {
    const person = this.#options.access.person(id);
    if (person === undefined) {
      throw new CodedError('pairing-expired', 'The person this was for is no longer on the box. Nothing was paired.');
    }
    return person;
  }

  #touchLater(credentialId: number, phoneId: string, at: number): void {
    if (this.#touching.has(credentialId)) return;
    this.#touching.add(credentialId);
    this.#options.database
      .write(() => this.#rows.touch(credentialId, phoneId, at))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'a phone’s last use could not be written'))
      .finally(() => this.#touching.delete(credentialId));
  }
}

function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function tooManyPhones(): CodedError {
  return new CodedError('conflict', `The box has room for ${phonesMax} phones. Nothing was paired; revoke one first.`);
}
