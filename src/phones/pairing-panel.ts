/**
 * What whoever opened a pairing sees of it, and hears live: that a new device trusts the box by now, that the invitation
 * was looked at, and how it ended. Decides who is shown its link and code: the session that opened it, and no other. A
 * pairing may bring a second factor, and neither the owner nor a page that was left open somewhere may take it for that.
 *
 * Link and code are held in memory alone, until the pairing is over. After a restart it goes on for whoever has them, and
 * nobody is shown them again.
 */
import type { Access } from '../access/access.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import type { PairingEvent } from './contract.ts';
import type { PairingRow } from './pairing-store.ts';
import type { BoxFacts, OpenPairing, PairingPanelView, PairingState } from './pairing-views.ts';
import { seesAll } from './phone-list.ts';
import type { PhonesStore } from './store.ts';

/** `openedBy`: a person's id; null: the console. */
export type TellOpener = (openedBy: string | null, event: PairingEvent) => void;
export type PairingPanelOptions = Readonly<{
  database: Database;
  store: PhonesStore;
  access: Pick<Access, 'person' | 'record'>;
  boxFacts: () => BoxFacts;
  /** The address of the box's page on plain http. */
  welcome: () => string;
  /** Tells who opened it, and owners. Synchronous, never throws. */
  tell: TellOpener;
  now: () => number;
}>;

type Held = {
  readonly shown: OpenPairing;
  readonly openedBy: string | null;
  readonly sessionId: string | null;
  /** Where it was opened; undefined at the console. */
  readonly address: string | undefined;
  trustedAt: number | null;
  lookedAt: number | null;
};

/** How a pairing ended is shown for so long after it was opened. */
const shownMs = 60 * 60_000;

export class PairingPanel {
  readonly #options: PairingPanelOptions;
  /** The newest; there is one open at a time. */
  #held: Held | undefined;

  constructor(options: PairingPanelOptions) {
    this.#options = options;
  }

  /** `address`: of whoever opened it. */
  opened(shown: OpenPairing, caller: PersonCaller | ConsoleCaller, address: string | undefined): void {
    const by = caller.kind === 'person' ? caller : undefined;
    this.#held = {
      shown,
      openedBy: by?.personId ?? null,
      sessionId: by?.sessionId ?? null,
      address: address === undefined ? undefined : plain(address),
      trustedAt: null,
      lookedAt: null,
    };
  }

  /** Told once: whoever looks may do so often. */
  lookedAt({ id, opened_by: openedBy }: PairingRow): void {
    const held = this.#open();
    if (held?.shown.id !== id || held.lookedAt !== null) return;
    held.lookedAt = this.#options.now();
    this.#options.tell(openedBy, { type: 'pairing', pairing: id, state: 'looked-at' });
  }

  ended({ id, opened_by: openedBy }: PairingRow, how: Omit<PairingEvent, 'type' | 'pairing'>): void {
    if (this.#held?.shown.id === id) this.#held = undefined;
    this.#options.tell(openedBy, { type: 'pairing', pairing: id, ...how });
  }

  /** A device at `address` could load something over https without a warning: it trusts the box. Told once. */
  probed(address: string): void {
    const held = this.#open();
    if (held === undefined || held.trustedAt !== null || plain(address) === held.address) return;
    held.trustedAt = this.#options.now();
    this.#options.tell(held.openedBy, { type: 'pairing', pairing: held.shown.id, state: 'trusted' });
  }

  /**
   * The newest pairing of the last hour that the caller's person opened; for the owner and the console, one that anybody
   * has open before their own that is over.
   */
  current(caller: PersonCaller | ConsoleCaller): PairingPanelView | undefined {
    const { store, now } = this.#options;
    const own = store.pairings.latestBy(caller.kind === 'person' ? caller.personId : null, now() - shownMs);
    const open = seesAll(caller) ? store.pairings.open(now()) : undefined;
    const row = open ?? own;
    return row && this.#view(row, caller);
  }

  /** Closes what the caller has open; the owner and the console close anybody's. None open is fine. */
  async close(caller: PersonCaller | ConsoleCaller): Promise<void> {
    const { database, store, access, now } = this.#options;
    const closed = await database.write(() => {
      const row = store.pairings.open(now());
      if (row === undefined || (!seesAll(caller) && row.opened_by !== caller.personId)) return undefined;
      store.pairings.close(row.id);
      access.record({ event: 'pairing-closed', actor: actorOf(caller), subject: row.person_id });
      return row;
    });
    if (closed !== undefined) this.ended(closed, { state: 'closed' });
  }

  #view(row: PairingRow, caller: PersonCaller | ConsoleCaller): PairingPanelView {
    const { store, access, boxFacts, welcome, now } = this.#options;
    const { fingerprint, addresses } = boxFacts();
    const state = stateOf(row, now());
    const held = this.#open()?.shown.id === row.id ? this.#open() : undefined;
    const sessionId = caller.kind === 'person' ? caller.sessionId : null;
    const secrets = state === 'open' && held?.sessionId === sessionId ? held.shown : undefined;
    const replaced = row.replaces_phone_id === null ? undefined : store.phone(row.replaces_phone_id);
    const phone = row.phone_id === null ? undefined : store.phone(row.phone_id);
    return {
      id: row.id,
      state,
      link: secrets?.link ?? null,
      code: secrets?.code ?? null,
      phone: row.phone_name,
      person: access.person(row.person_id)?.name ?? '',
      baseFolder: row.base_folder,
      replaces: replaced?.name ?? null,
      replacesId: row.replaces_phone_id,
      by: row.opened_by === null ? null : (access.person(row.opened_by)?.name ?? ''),
      openedAt: row.created_at,
      expiresAt: row.expires_at,
      triesLeft: row.tries_left,
      fingerprint,
      addresses: [...addresses],
      welcome: welcome(),
      trustedAt: held?.trustedAt ?? null,
      lookedAt: held?.lookedAt ?? null,
      joined:
        phone === undefined || row.redeemed_at === null
          ? null
          : { phoneId: phone.id, phone: phone.name, at: row.redeemed_at },
    };
  }

  /** What is held, unless its time is over: then it is let go. */
  #open(): Held | undefined {
    if (this.#held !== undefined && this.#held.shown.expiresAt <= this.#options.now()) this.#held = undefined;
    return this.#held;
  }
}

function stateOf(row: PairingRow, now: number): PairingState {
  if (row.redeemed_at !== null) return 'joined';
  if (row.refused_at !== null) return 'refused';
  return row.expires_at <= now || row.created_at > now ? 'closed' : 'open';
}

/** An IPv4 address as such, also where a socket for both kinds gives it as IPv6 (RFC 4291, section 2.5.5.2). */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
