/**
 * Owns the phones of the house: pairing them, the credentials by which they are known, and ending those.
 * Never reads or writes a photo; never keeps a secret readable; never lets one person touch another's phone.
 * Called by the composition root (who is asking), by library (whose phone, which folder), and by its own routes.
 */
import type { Logger } from 'pino';
import type { ConsoleCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { Connections } from './connections.ts';
import type { PairingKey } from './pairing.ts';
import type { AskedPairing, OpenPairing, PairingLook, PairingPanelView, Redeemed, Redeemer } from './pairing-views.ts';
import { Pairings, type PairingsOptions, tokenDigest } from './pairings.ts';
import { type ListedPhone, type PhoneChange, PhoneList, type Plan } from './phone-list.ts';
import { PhonesStore } from './store.ts';

export type { BoxFacts, OpenPairing, PairingLook, Redeemed } from './pairing-views.ts';
/** What library needs to know of a phone. */
export type PhoneFacts = Readonly<{ personId: string; personFolder: string; baseFolder: string; name: string }>;
export type PhonesOptions = Omit<PairingsOptions, 'store'> & Readonly<{ log: Logger }>;
type Parts = Readonly<{ store: PhonesStore; list: PhoneList; pairings: Pairings; connections: Connections }>;

const tokenBytes = 32;
/** A credential's last use is written at most this often. */
const touchMs = 10 * 60_000;
/** An ended pairing is kept this long, to say "used" or "run out" and not "unknown". */
const endedPairingMs = 7 * 24 * 60 * 60_000;

export class Phones {
  readonly #options: PhonesOptions;
  readonly #touching = new Set<number>();
  #parts: Parts | undefined;

  constructor(options: PhonesOptions) {
    this.#options = options;
  }

  /** Prepares its statements; the box state must be open. */
  open(): void {
    const { database, access, approvers, requireConfirmed, now } = this.#options;
    const store = new PhonesStore(database);
    const list = new PhoneList({ database, store, access, approvers, requireConfirmed, now });
    const connections = new Connections({ ...this.#options, phones: store });
    this.#parts = { store, list, pairings: new Pairings({ ...this.#options, store }), connections };
  }

  /**
   * Opens a pairing for 15 minutes and closes any other. `person` is a name; default: who asks. Members pair their own
   * phones only. Without a name the phone gives itself one. `address`: of who asks, for the panel. With `replaces` the phone that comes takes that one's place: person, folder and all that it sent stay.
   * @throws {CodedError} `not-set-up`, `not-found`, `forbidden`, `invalid-name`, `conflict`, `invalid-request`,
   * `confirm-first` (to replace a phone)
   */
  async createPairing(
    caller: PersonCaller | ConsoleCaller,
    asked: AskedPairing,
    address?: string,
  ): Promise<OpenPairing> {
    return this.#opened.pairings.create(caller, asked, address);
  }

  /** As `PairingPanel.current`. */
  currentPairing(caller: PersonCaller | ConsoleCaller): PairingPanelView | undefined {
    return this.#opened.pairings.panel.current(caller);
  }

  /** As `PairingPanel.close`. */
  async closePairing(caller: PersonCaller | ConsoleCaller): Promise<void> {
    await this.#opened.pairings.panel.close(caller);
  }

  /** As `PairingPanel.probed`. */
  probed(address: string): void {
    this.#opened.pairings.panel.probed(address);
  }

  /**
   * Whose phone a pairing is for; does not use it up. A wrong code costs one of its tries.
   * @throws {CodedError} `pairing-unknown`, `pairing-used`, `pairing-expired`, `too-many-requests`
   */
  async lookAtPairing(key: PairingKey): Promise<PairingLook> {
    return this.#opened.pairings.look(key);
  }

  /**
   * Uses a pairing up: phone, credential, key and audit row, all or none. The token is shown here once. A key that this
   * pairing may not bring is left aside (`approver: false`). With a key come ten recovery codes for a person who had none
   * left, shown here once as well.
   * @throws {CodedError} as `lookAtPairing`; `conflict`; `invalid-request` for the key, `invalid-name`
   */
  async redeemPairing(key: PairingKey, by: Redeemer): Promise<Redeemed> {
    return this.#opened.pairings.redeem(key, by);
  }

  /**
   * "This is not my phone": ends the pairing, and tells who opened it.
   * @throws {CodedError} as `lookAtPairing`
   */
  async refusePairing(key: PairingKey): Promise<void> {
    await this.#opened.pairings.refuse(key);
  }

  /** The passwords of backup apps. */
  get connections(): Connections {
    return this.#opened.connections;
  }

  /** The phone that holds this token, unless it was revoked. Synchronous and cheap; the last use is written later. */
  phoneByToken(token: string): PhoneCaller | undefined {
    // The token has 256 random bits: looking its digest up tells nothing by time.
    const row = this.#rows.credential(tokenDigest(token));
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

  /** Only one that is neither revoked nor of a removed person. */
  livingPhone(id: string): { personId: string; name: string } | undefined {
    const row = this.#rows.livingPhone(id);
    return row && { personId: row.person_id, name: row.name };
  }

  /** Ends what the phone's page held, and gives it another bearer token. Only inside `database.write`. */
  renewPageTokenInWrite(phoneId: string): string {
    const { now, randomBytes } = this.#options;
    const token = randomBytes(tokenBytes).toString('hex');
    this.#rows.deletePageCredentials(phoneId);
    this.#rows.insertCredential(phoneId, 'page', tokenDigest(token), now(), null);
    return token;
  }

  /** As `PhoneList.list`. */
  list(caller: PersonCaller | ConsoleCaller): ListedPhone[] {
    return this.#phoneList.list(caller);
  }

  /** As `PhoneList.isOwn`. */
  isOwn(caller: PersonCaller | ConsoleCaller, id: string): boolean {
    return this.#phoneList.isOwn(caller, id);
  }

  /** As `PhoneList.own`. */
  own(caller: PhoneCaller): ListedPhone & { folders: string[] } {
    return this.#phoneList.own(caller);
  }

  /** As `PhoneList.change`. */
  async change(caller: PersonCaller | ConsoleCaller, id: string, change: PhoneChange): Promise<ListedPhone> {
    return this.#phoneList.change(caller, id, change);
  }

  /** As `PhoneList.changeOwn`. */
  async changeOwn(caller: PhoneCaller, change: PhoneChange): Promise<ListedPhone> {
    return this.#phoneList.changeOwn(caller, change);
  }

  /** As `PhoneList.setAway`. */
  async setAway(caller: PersonCaller | ConsoleCaller, id: string, until: number | null): Promise<ListedPhone> {
    return this.#phoneList.setAway(caller, id, until);
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

  get #opened(): Parts {
    if (this.#parts === undefined) throw new CodedError('internal', 'Phones was used before it was opened.');
    return this.#parts;
  }

  get #rows(): PhonesStore {
    return this.#opened.store;
  }

  get #phoneList(): PhoneList {
    return this.#opened.list;
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
