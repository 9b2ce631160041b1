/**
 * Owns the data key that seals the copies of the box state: making it, wrapping it, opening it again.
 * Never keeps it in clear, and never shows the recovery key a second time. Wrapped by a recovery key on paper, by the
 * owner's password, and by the file `box-key`, so that a password changed without the old one does not lose it.
 * Called by its routes, by whatever changes the owner's password, and by what seals copies.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Caller, PersonCaller } from '../http/caller.ts';
import { replaceFileDurably } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { actorOf } from './audit.ts';
import { dataKeyBytes, fingerprintOf, type KeyWraps, type PasswordWrap, readWraps, unwrap, wrap } from './key-wraps.ts';
import type { PartOptions } from './parts.ts';
import type { PasswordCost } from './passwords.ts';
import { RecoveryKeyStore } from './recovery-key-store.ts';
import { newRecoveryKeyText, readRecoveryKeyText } from './recovery-key-text.ts';

/** A key of 32 bytes from a password (argon2id). @throws {CodedError} `busy` */
export type DeriveKey = (password: string, salt: Uint8Array, cost: PasswordCost) => Promise<Uint8Array>;
export type RecoveryKeyOptions = PartOptions &
  Readonly<{
    stateDir: string;
    deriveKey: DeriveKey;
    /** What a key from a password costs. */
    passwordCost: PasswordCost;
    requireConfirmed: (caller: PersonCaller) => void;
    /**
     * Throws `wrong-password` or `too-many-requests` unless it is the owner's. Resolves with what to call in the write that
     * it is for, which throws where the password was changed meanwhile.
     */
    proveOwnerPassword: (password: string, by: Caller) => Promise<() => void>;
  }>;
export type RecoveryKeyState = Readonly<{ fingerprint: string; madeAt: number; opensByPassword: boolean }>;
/** What opens the data key. */
export type KeyOpener = Readonly<{ recoveryKey: string }> | Readonly<{ password: string }>;

const boxKeyBytes = 32;
const saltBytes = 16;

export class RecoveryKey {
  readonly #options: RecoveryKeyOptions;
  readonly #store: RecoveryKeyStore;
  readonly #boxKeyPath: string;
  #making = false;

  constructor(options: RecoveryKeyOptions) {
    this.#options = options;
    this.#store = new RecoveryKeyStore(options.database);
    this.#boxKeyPath = join(options.stateDir, 'box-key');
  }

  /** What there is; undefined: none was made yet. */
  state(): RecoveryKeyState | undefined {
    const row = this.#store.row();
    if (row === undefined) return undefined;
    const opensByPassword = (readWraps(row.wraps)?.password ?? null) !== null;
    return { fingerprint: row.fingerprint, madeAt: row.made_at, opensByPassword };
  }

  /**
   * Makes a new data key and the recovery key that opens it, told here once. The old pair opens the copies made so far,
   * and no copy made from now on. @throws {CodedError} `not-set-up`, `confirm-first`, `wrong-password`,
   * `too-many-requests`, `busy`
   */
  async make(password: string, by: Caller): Promise<string> {
    if (this.#making) {
      throw new CodedError('busy', 'A recovery key is being made at this moment. Nothing was changed by this request.');
    }
    this.#making = true;
    try {
      return await this.#make(password, by);
    } finally {
      this.#making = false;
    }
  }

  async #make(password: string, by: Caller): Promise<string> {
    const { database, now, randomBytes, record, notify, requireConfirmed, proveOwnerPassword } = this.#options;
    if (by.kind === 'person') requireConfirmed(by);
    const ownerId = this.#store.ownerId();
    if (ownerId === undefined) {
      throw new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
    }
    const settleInWrite = await proveOwnerPassword(password, by);
    const recoveryKey = newRecoveryKeyText(randomBytes);
    const dataKey = randomBytes(dataKeyBytes);
    const boxKey = (await this.#readBoxKey()) ?? (await this.#newBoxKey());
    const wraps: KeyWraps = {
      version: 1,
      fingerprint: fingerprintOf(dataKey),
      recovery: wrap('recovery', Buffer.from(readRecoveryKeyText(recoveryKey)), dataKey, randomBytes),
      password: await this.#wrapByPassword(password, dataKey),
      box: wrap('box', boxKey, dataKey, randomBytes),
    };
    dataKey.fill(0);
    await database.write(() => {
      // Else the key could be opened by a password that was changed while this one was stretched.
      settleInWrite();
      this.#store.put({ fingerprint: wraps.fingerprint, wraps: JSON.stringify(wraps), made_at: now() });
      record({ event: 'recovery-key-made', actor: actorOf(by), subject: ownerId });
      notify(ownerId, 'recovery-key-made');
    });
    return recoveryKey;
  }

  /**
   * Wraps the same data key by the owner's new password. Resolves with the second half: call it inside the
   * `database.write` that commits the new password hash, so that never both passwords or neither open the key. Where the
   * key is not at hand (the file `box-key` is lost, and `current` is unknown), the old password's wrap goes all the
   * same: the owner is told to make a new recovery key. Nothing is to be done for anybody but the owner.
   * @throws {CodedError} `busy`
   */
  async rewrapForPassword(personId: string, password: string, current: string | undefined): Promise<() => void> {
    if (personId !== this.#store.ownerId()) return () => undefined;
    const before = this.#store.row();
    const wraps = before && readWraps(before.wraps);
    // A record that cannot be read must keep nobody from changing the password.
    if (wraps === undefined) return () => undefined;
    const dataKey = await this.#dataKeyAtHand(wraps, current);
    const made = dataKey === undefined ? null : await this.#wrapByPassword(password, dataKey);
    dataKey?.fill(0);
    return () => {
      const now = readWraps(this.#store.row()?.wraps ?? '');
      if (now === undefined) return;
      // Another data key was made meanwhile: this wrap is not of it, and what it has is of the old password.
      const next = now.fingerprint === wraps.fingerprint ? made : null;
      this.#store.changeWraps(JSON.stringify({ ...now, password: next }));
      if (next === null) this.#options.notify(personId, 'recovery-key-due');
    };
  }

  /**
   * The data key. A box whose file `box-key` was lost gets a new one by the way.
   * @throws {CodedError} `not-found` (none was made), `invalid-request` (mistyped), `wrong-code`, `wrong-password`, `busy`
   */
  async openWith(opener: KeyOpener): Promise<Buffer> {
    const row = this.#store.row();
    if (row === undefined) {
      throw new CodedError('not-found', 'No recovery key was made on this box yet. Nothing was changed.');
    }
    const wraps = wrapsOf(row.wraps);
    const dataKey = await openWraps(wraps, opener, this.#options.deriveKey);
    if ((await this.#openByBoxKey(wraps)) === undefined) await this.#wrapByNewBoxKey(dataKey);
    return dataKey;
  }

  /** The data key as the box itself opens it, to seal a copy; undefined: none was made, or the file `box-key` is lost. */
  async dataKey(): Promise<Buffer | undefined> {
    const row = this.#store.row();
    return row === undefined ? undefined : await this.#openByBoxKey(wrapsOf(row.wraps));
  }

  /** What goes beside a sealed copy, in clear: it opens with the recovery key or the password. JSON; `openWraps` reads it. */
  wrapsForCopy(): string | undefined {
    const row = this.#store.row();
    return row === undefined ? undefined : JSON.stringify({ ...wrapsOf(row.wraps), box: null });
  }

  /** The data key from the wraps beside a copy, also of another box's. @throws as `openWith` */
  async openCopied(wraps: KeyWraps, opener: KeyOpener): Promise<Buffer> {
    return await openWraps(wraps, opener, this.#options.deriveKey);
  }

  async #dataKeyAtHand(wraps: KeyWraps, password: string | undefined): Promise<Buffer | undefined> {
    const dataKey = await this.#openByBoxKey(wraps);
    if (dataKey !== undefined || password === undefined || wraps.password === null) return dataKey;
    return await openByPassword(wraps.password, wraps.fingerprint, password, this.#options.deriveKey);
  }

  async #wrapByPassword(password: string, dataKey: Buffer): Promise<PasswordWrap> {
    const { deriveKey, passwordCost, randomBytes } = this.#options;
    const salt = randomBytes(saltBytes);
    const secret = await deriveKey(password, salt, passwordCost);
    return { ...wrap('password', secret, dataKey, randomBytes), salt: salt.toString('base64url'), ...passwordCost };
  }

  async #openByBoxKey({ box, fingerprint }: KeyWraps): Promise<Buffer | undefined> {
    const boxKey = box === null ? undefined : await this.#readBoxKey();
    return box === null || boxKey === undefined ? undefined : unwrap('box', boxKey, box, fingerprint);
  }

  async #wrapByNewBoxKey(dataKey: Buffer): Promise<void> {
    const { database, randomBytes } = this.#options;
    const box = wrap('box', await this.#newBoxKey(), dataKey, randomBytes);
    const fingerprint = fingerprintOf(dataKey);
    await database.write(() => {
      const row = this.#store.row();
      if (row?.fingerprint !== fingerprint) return;
      this.#store.changeWraps(JSON.stringify({ ...wrapsOf(row.wraps), box }));
    });
  }

  /** Undefined where it is not there, or not whole. */
  async #readBoxKey(): Promise<Buffer | undefined> {
    try {
      const key = Buffer.from((await readFile(this.#boxKeyPath, 'utf8')).trim(), 'base64url');
      return key.length === boxKeyBytes ? key : undefined;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** On the disk before anything is wrapped by it. */
  async #newBoxKey(): Promise<Buffer> {
    const key = this.#options.randomBytes(boxKeyBytes);
    await replaceFileDurably(this.#boxKeyPath, `${key.toString('base64url')}\n`, 0o600);
    return key;
  }
}

/** The data key from wraps, also from those beside a copy on another box. @throws as `RecoveryKey.openWith` */
export async function openWraps(wraps: KeyWraps, opener: KeyOpener, deriveKey: DeriveKey): Promise<Buffer> {
  const { recovery, password, fingerprint } = wraps;
  if ('recoveryKey' in opener) {
    const dataKey = unwrap('recovery', Buffer.from(readRecoveryKeyText(opener.recoveryKey)), recovery, fingerprint);
    if (dataKey !== undefined) return dataKey;
    throw new CodedError(
      'wrong-code',
      'That recovery key is well written, but it belongs to another box or was replaced. Nothing was changed.',
    );
  }
  const dataKey = password && (await openByPassword(password, fingerprint, opener.password, deriveKey));
  if (dataKey) return dataKey;
  throw new CodedError(
    'wrong-password',
    'That password does not open the copy. Nothing was changed; try the one that was valid when it was made, or the recovery key.',
  );
}

async function openByPassword(one: PasswordWrap, fingerprint: string, password: string, deriveKey: DeriveKey) {
  const { memoryKiB, passes, parallelism } = one;
  const secret = await deriveKey(password, Buffer.from(one.salt, 'base64url'), { memoryKiB, passes, parallelism });
  return unwrap('password', secret, one, fingerprint);
}

function wrapsOf(text: string): KeyWraps {
  const wraps = readWraps(text);
  if (wraps === undefined) {
    throw new CodedError('internal', 'The recovery key’s record cannot be read. Make a new recovery key.');
  }
  return wraps;
}
