/** Puts the parts of the room together, on an open database. Called by access alone. */
import type { Logger } from 'pino';
import type { Caller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import { Settings } from '../platform/settings.ts';
import type { NoticeEvent } from './account-contract.ts';
import { ApprovalsStore } from './approvals-store.ts';
import { Audit, type AuditEntry } from './audit.ts';
import { Factors } from './factors.ts';
import { Guard } from './guard.ts';
import { KnownBrowsers } from './known-browsers.ts';
import { Notices } from './notices.ts';
import { OneTimeCodes } from './one-time-codes.ts';
import type { PartOptions } from './parts.ts';
import { notYourPassword, PasswordLock } from './password-lock.ts';
import type { Passwords } from './passwords.ts';
import { Policies } from './policies.ts';
import { RecoveryCodes } from './recovery-codes.ts';
import { RecoveryKey } from './recovery-key.ts';
import { SessionBook } from './session-book.ts';
import { SignIn } from './sign-in.ts';
import { AccessStore } from './store.ts';

export type MakePartsOptions = Readonly<{
  database: Database;
  stateDir: string;
  boxName: () => string;
  timeZone?: () => string;
  passwords: Passwords;
  tell?: (personId: string, event: NoticeEvent) => void;
  now: () => number;
  randomBytes: RandomBytes;
  log: Pick<Logger, 'warn'>;
}>;

export type AccessParts = Readonly<{
  /** What further parts of this room are made with. */
  options: PartOptions;
  record: (entry: AuditEntry) => void;
  notices: Notices;
  guard: Guard;
  browsers: KnownBrowsers;
  policies: Policies;
  book: SessionBook;
  factors: Factors;
  recoveryCodes: RecoveryCodes;
  codes: OneTimeCodes;
  recoveryKey: RecoveryKey;
  lock: PasswordLock;
  signIn: SignIn;
}>;

const nameSaltSetting = 'access.name-salt';

export async function makeParts(made: MakePartsOptions): Promise<AccessParts> {
  const { database, boxName, timeZone, passwords, tell, now, randomBytes, log } = made;
  const audit = new Audit(database, now);
  const notices = new Notices({
    database,
    now,
    ...(tell && { tell: (personId, kind, at) => tell(personId, { type: 'notice', kind, at }) }),
  });
  const record = (entry: AuditEntry) => audit.record(entry);
  const options: PartOptions = {
    database,
    now,
    randomBytes,
    record,
    notify: (personId, kind, detail) => notices.addInWrite(personId, kind, detail),
  };
  const guard = new Guard({ database, now, authenticators: (personId) => codes.count(personId) });
  const browsers = new KnownBrowsers(options);
  const policies = new Policies({ database, record });
  policies.open();
  const book = new SessionBook({
    database,
    now,
    randomBytes,
    idleLockMs: () => policies.idleLockMs,
    onError: (error) => log.warn({ err: error }, 'a session’s last use could not be written'),
  });
  const factorOptions = {
    ...options,
    requireConfirmed: (caller: PersonCaller) => book.requireConfirmed(caller),
    hasSecondFactor: (personId: string) => factors.has(personId),
    onFactorChanged: (personId: string, keep: string) => factors.changedInWrite(personId, keep),
  };
  const recoveryCodes = new RecoveryCodes(factorOptions);
  const codes = new OneTimeCodes({ ...factorOptions, boxName, recoveryCodes, ...(timeZone && { timeZone }) });
  const approvers = new ApprovalsStore(database);
  const factors: Factors = new Factors({
    database,
    now,
    approvers: (personId) => approvers.approversOf(personId).length,
    authenticators: (personId) => codes.count(personId),
    recoveryCodesLeft: (personId) => recoveryCodes.left(personId),
    forgetRecoveryCodesInWrite: (personId) => recoveryCodes.forget(personId),
    required: () => policies.policy.secondFactorRequired,
    endOthersInWrite: (personId, sessionId) => book.endOthersInWrite(personId, sessionId),
  });
  const people = new AccessStore(database);
  const recoveryKey = new RecoveryKey({
    ...options,
    stateDir: made.stateDir,
    deriveKey: (password, salt, cost) => passwords.deriveKey(password, salt, cost),
    passwordCost: passwords.cost,
    requireConfirmed: factorOptions.requireConfirmed,
    proveOwnerPassword: (password, by) => proveOwnerPassword(password, by),
  });
  const lock = new PasswordLock({
    ...options,
    passwords,
    guard,
    policies,
    book,
    boxName,
    onChosen: (personId, password, current) => recoveryKey.rewrapForPassword(personId, password, current),
  });
  const nameSalt = await new Settings(database).lasting(nameSaltSetting, () => randomBytes(32).toString('hex'));
  const signIn = new SignIn({
    ...options,
    lock,
    guard,
    browsers,
    book,
    factors,
    policies,
    codes,
    recoveryCodes,
    nameSalt,
  });
  const proveOwnerPassword = async (password: string, by: Caller) => {
    const owner = people.owner();
    const subject = by.kind === 'person' ? signIn.subjectOf(by) : { person: owner?.id ?? '', known: 'console' };
    const proven = await lock.try(owner?.id, password, subject, notYourPassword);
    return () => lock.settleInWrite(proven);
  };
  return {
    options,
    record,
    notices,
    guard,
    browsers,
    policies,
    book,
    factors,
    recoveryCodes,
    codes,
    recoveryKey,
    lock,
    signIn,
  };
}
