/**
 * Pairing a phone: opening one for a while, looking at it, refusing it, and using it up, for a new phone or for
 * one that takes the place of another. Decides whose phone comes of it and with which rights; phones.ts is its only caller.
 *
 * A move keeps the phone's row, and with it its person, its folder and all that it sent: the new device is the same phone
 * with none of the old one's credentials. So nothing is sent twice, and nothing that the old device holds opens anything.
 */
import { createHash } from 'node:crypto';
import type { Access, Person } from '../access/access.ts';
import type { Approvers } from '../access/approvers.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomCode, randomUuid } from '../platform/identifiers.ts';
import { Throttle } from '../platform/throttle.ts';
import { baseFolder } from './base-folder.ts';
import {
  codeGroups,
  codeTriesMax,
  findOpenPairing,
  type PairingKey,
  pairingCodeDigest,
  pairingMs,
  pairingSecretDigest,
  secretBytes,
} from './pairing.ts';
import { buildPairingLink } from './pairing-link.ts';
import { PairingPanel, type TellOpener } from './pairing-panel.ts';
import { livingPerson, nameForPhoneOf, planPairing } from './pairing-plan.ts';
import type { PairingRow } from './pairing-store.ts';
import type { AskedPairing, BoxFacts, OpenPairing, PairingLook, Redeemed, Redeemer } from './pairing-views.ts';
import type { PhonesStore } from './store.ts';

export type PairingsOptions = Readonly<{
  database: Database;
  store: PhonesStore;
  access: Pick<Access, 'claimed' | 'person' | 'personByName' | 'record'>;
  /** What becomes of a phone's key when the phone comes or goes. */
  approvers: Pick<Approvers, 'mayComeByPairing' | 'openerIsThere' | 'pairedInWrite' | 'phoneEndedInWrite' | 'ofPhone'>;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  boxFacts: () => BoxFacts;
  /** The address of the box's page on plain http, which says how to trust it. */
  welcome: () => string;
  /** Tells who opened a pairing (null: the console), and owners. Synchronous, never throws. */
  tell: TellOpener;
  /** A notice for who opened a pairing; what the console opened, for the owner. Only inside `database.write`. */
  notify: (openedBy: string | null, kind: string, detail: Readonly<Record<string, string>>) => void;
  now: () => number;
  randomBytes: RandomBytes;
}>;
/** Revoked ones do not count. */
const phonesMax = 200;
const tokenBytes = 32;
/** A chooser, not a list of the disk. */
const foldersShownMax = 20;
/** The name by which the box's own page pairs: its credential is of the door `page`. */
const pageClient = 'web-page';

export class Pairings {
  readonly panel: PairingPanel;
  readonly #options: PairingsOptions;
  readonly #store: PhonesStore;
  readonly #wrongCodes: Throttle;

  constructor(options: PairingsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.panel = new PairingPanel(options);
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

  /** As `Phones.createPairing`. */
  async create(
    caller: PersonCaller | ConsoleCaller,
    asked: AskedPairing,
    address: string | undefined,
  ): Promise<OpenPairing> {
    const { database, access, now, randomBytes, approvers } = this.#options;
    if (!access.claimed()) {
      throw new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
    }
    const { person, phone, folder, replaces } = planPairing(this.#options, caller, asked);
    const secret = randomBytes(secretBytes).toString('hex');
    const code = randomCode(randomBytes, codeGroups);
    const createdAt = now();
    const expiresAt = createdAt + pairingMs;
    const id = randomUuid(randomBytes);
    const before = await database.write(() => {
      if (replaces === undefined && this.#store.phoneCount() >= phonesMax) throw tooManyPhones();
      const open = this.#store.pairings.open(createdAt);
      this.#store.pairings.openNew({
        id,
        personId: person.id,
        phoneName: phone,
        baseFolder: folder,
        secretSha256: pairingSecretDigest(secret),
        codeSha256: pairingCodeDigest(code),
        createdAt,
        expiresAt,
        triesLeft: codeTriesMax,
        replacesPhoneId: replaces?.id ?? null,
        mayApprove: approvers.mayComeByPairing(caller, person.id),
        sessionId: caller.kind === 'person' ? caller.sessionId : null,
        openedBy: caller.kind === 'person' ? caller.personId : null,
      });
      const detail = replaces === undefined ? {} : { detail: { replaces: replaces.id } };
      access.record({ event: 'pairing-opened', actor: actorOf(caller), subject: person.id, ...detail });
      return open;
    });
    if (before !== undefined) this.panel.ended(before, { state: 'closed' });
    const shown = this.#shown({ id, secret, code, phone, person: person.name, expiresAt });
    this.panel.opened(shown, caller, address);
    return shown;
  }

  #shown(of: Pick<OpenPairing, 'id' | 'code' | 'phone' | 'person' | 'expiresAt'> & { secret: string }): OpenPairing {
    const { name, fingerprint, addresses, linkAddress } = this.#options.boxFacts();
    const host = linkAddress ?? addresses[0];
    if (host === undefined) throw new CodedError('internal', 'The box does not know its own address yet. Try again.');
    const { secret, ...rest } = of;
    const link = buildPairingLink({ host, secret, fingerprint, addresses, box: name });
    return { ...rest, link, fingerprint, addresses: [...addresses], welcome: this.#options.welcome() };
  }

  /** As `Phones.lookAtPairing`. */
  async look(key: PairingKey): Promise<PairingLook> {
    const { access } = this.#options;
    const found = await this.#open(key, (opened) => opened);
    const person = livingPerson(this.#options, found.person_id);
    this.panel.lookedAt(found);
    const { name: box, addresses, fingerprint } = this.#options.boxFacts();
    const { phone_name: phone, base_folder: folder, expires_at: expiresAt } = found;
    const replaced = found.replaces_phone_id === null ? undefined : this.#store.livingPhone(found.replaces_phone_id);
    return {
      phone,
      person: person.name,
      baseFolder: folder,
      folders: this.#store.foldersOf(person.id, foldersShownMax),
      by: found.opened_by === null ? null : (access.person(found.opened_by)?.name ?? ''),
      openedAt: found.created_at,
      expiresAt,
      box,
      addresses: [...addresses],
      fingerprint,
      replaces: replaced?.name ?? null,
      mayApprove: found.may_approve === 1,
    };
  }

  /** As `Phones.redeemPairing`. */
  async redeem(key: PairingKey, by: Redeemer): Promise<Redeemed> {
    const { access, approvers, boxFacts, now, randomBytes } = this.#options;
    const newId = randomUuid(randomBytes);
    const token = randomBytes(tokenBytes).toString('hex');
    const { row, redeemed } = await this.#open(key, (pairing) => {
      const person = livingPerson(this.#options, pairing.person_id);
      // What a thief had opened must not outlive the change of the password that threw the thief out.
      if (pairing.session_id !== null && !approvers.openerIsThere(pairing.session_id)) throw openerGone();
      const at = now();
      const moved = pairing.replaces_phone_id !== null;
      const phoneId = pairing.replaces_phone_id ?? newId;
      const chosen = chosenFor(pairing, person, by);
      if (moved) this.#move(pairing, phoneId, by, chosen);
      else this.#insert(pairing, phoneId, by, chosen, at);
      this.#store.insertCredential(phoneId, by.client === pageClient ? 'page' : 'api', tokenDigest(token), at, null);
      this.#store.pairings.markRedeemed(pairing.id, phoneId, at);
      access.record({ event: moved ? 'phone-moved' : 'phone-paired', actor: `phone:${phoneId}`, subject: phoneId });
      const phone = { phoneId, personId: person.id, name: chosen.name };
      const key = pairing.may_approve === 1 ? by.approverKey : undefined;
      const approves =
        key === undefined ? undefined : approvers.pairedInWrite(phone, key, pairing.session_id ?? undefined);
      const { recoveryCodes = [] } = approves ?? {};
      const facts = { person: person.name, baseFolder: chosen.baseFolder, box: boxFacts().name };
      const approver = approves !== undefined;
      return { row: pairing, redeemed: { phoneId, phone: chosen.name, ...facts, token, approver, recoveryCodes } };
    });
    this.panel.ended(row, { state: 'joined', phone: redeemed.phone, phoneId: redeemed.phoneId });
    return redeemed;
  }

  /** As `Phones.refusePairing`. */
  async refuse(key: PairingKey): Promise<void> {
    const { access, notify, now } = this.#options;
    const row = await this.#open(key, (pairing) => {
      this.#store.pairings.refuse(pairing.id, now());
      access.record({ event: 'pairing-refused', actor: 'nobody', subject: pairing.person_id });
      const person = access.person(pairing.person_id)?.name ?? '';
      notify(pairing.opened_by, 'pairing-refused', { phone: pairing.phone_name, person });
      return pairing;
    });
    this.panel.ended(row, { state: 'refused' });
  }

  #insert(pairing: PairingRow, id: string, by: Redeemer, chosen: Chosen, createdAt: number): void {
    if (this.#store.phoneCount() >= phonesMax) throw tooManyPhones();
    this.#store.insertPhone({
      id,
      personId: pairing.person_id,
      ...chosen,
      client: by.client ?? null,
      clientVersion: by.clientVersion ?? null,
      createdAt,
    });
  }

  /** All that the old device held ends here, whatever the door; its key approves nothing any more. */
  #move(pairing: PairingRow, phoneId: string, by: Redeemer, chosen: Chosen): void {
    if (this.#store.livingPhone(phoneId)?.person_id !== pairing.person_id) {
      throw new CodedError(
        'pairing-expired',
        'The phone whose place this one was to take is no longer on the box. Nothing was paired; pair it as a new one.',
      );
    }
    const to = { ...chosen, client: by.client ?? null, clientVersion: by.clientVersion ?? null };
    this.#store.move(phoneId, to);
    this.#options.approvers.phoneEndedInWrite(phoneId, pairing.person_id, pairing.session_id ?? undefined);
  }

  /** Runs `use` on the open pairing of `key`, in the transaction that found it: of two at once, one wins. */
  async #open<T>(key: PairingKey, use: (pairing: PairingRow) => T): Promise<T> {
    const { database, now } = this.#options;
    if ('code' in key) this.#wrongCodes.attempt('box');
    const outcome = await database.write(() => {
      const found = findOpenPairing(this.#store.pairings, key, now());
      return 'refused' in found ? found : { value: use(found.row) };
    });
    if ('refused' in outcome) throw outcome.refused;
    if ('code' in key) this.#wrongCodes.succeeded('box');
    return outcome.value;
  }
}

type Chosen = Readonly<{ name: string; baseFolder: string }>;

/** What the phone says of itself counts before what it was expected to be. @throws {CodedError} `invalid-name` */
function chosenFor(pairing: PairingRow, person: Person, { phone, baseFolder: folder }: Redeemer): Chosen {
  const planned = pairing.phone_name === '' ? nameForPhoneOf(person) : pairing.phone_name;
  return {
    name: phone === undefined ? planned : displayName(phone, 'a phone'),
    baseFolder: folder === undefined ? pairing.base_folder : baseFolder(folder, person.folder),
  };
}

/** The stored form of a bearer token, which has 256 random bits. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function openerGone(): CodedError {
  return new CodedError(
    'pairing-expired',
    'Whoever opened this pairing is signed out since. Nothing was paired; sign in and open another.',
  );
}

function tooManyPhones(): CodedError {
  return new CodedError('conflict', `The box has room for ${phonesMax} phones. Nothing was paired; revoke one first.`);
}
