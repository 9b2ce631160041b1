/** A place for a copy: what is secret of it, what is shown of it, and when it is another one. */
import { type RandomBytes, randomCode } from '../platform/identifiers.ts';
import type { CopyView, OffboxChange } from './contract.ts';
import { fingerprintOfHost, newSshKey } from './remote.ts';
import type { OffboxRow, OffboxSecret } from './store.ts';

/** 160 random bits. */
const passwordGroups = 8;

type Given = Readonly<{
  asked: string | null | undefined;
  /** Of a copy that is there. */
  told: string | undefined;
  /** Undefined: it was another place. */
  before: OffboxSecret | undefined;
}>;

/** What was not told anew stays, or is made. @throws {CodedError} `offbox-failed`: ssh is not installed */
export async function secretFor(
  target: OffboxChange['target'],
  by: Readonly<{ randomBytes: RandomBytes; stateDir: string; boxId: string }>,
  { asked, told, before }: Given,
): Promise<OffboxSecret> {
  const none = { sshKey: null, sshPublicKey: null };
  const kept = before?.sshKey == null ? undefined : { sshKey: before.sshKey, sshPublicKey: before.sshPublicKey };
  const keys = target.kind === 'sftp' ? (kept ?? (await newSshKey(by.stateDir, by.boxId.slice(0, 8)))) : none;
  return {
    password: told ?? before?.password ?? randomCode(by.randomBytes, passwordGroups),
    secret: asked === undefined ? (before?.secret ?? null) : asked,
    knownHosts: before?.knownHosts ?? '',
    ...keys,
  };
}

/** Nothing secret in it. */
export function viewOf({ settings, secret, state, createdAt }: OffboxRow): CopyView {
  const { told: _, triesSince: _tries, through: _through, prunedAt: _pruned, ...seen } = state;
  return {
    ...settings,
    ...seen,
    secretSet: secret.secret !== null,
    sshKey: secret.sshPublicKey,
    hostKey: fingerprintOfHost(secret.knownHosts),
    createdAt,
  };
}

/** Whom a secret may be told to. */
export function placeOf(target: OffboxChange['target']): string {
  const { certificate: _, ...place } = { certificate: undefined, ...target };
  return JSON.stringify(Object.entries(place).sort());
}
