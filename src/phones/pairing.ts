/**
 * Opening a pairing: by the link's secret, or by the short code that people type. Decides when a pairing is used, over
 * or unknown. A wrong code costs one of its five tries; the link's secret, which nobody guesses, goes on without it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CodedError } from '../platform/errors.ts';
import { normalCode } from '../platform/identifiers.ts';
import type { PairingRow, PairingStore } from './pairing-store.ts';

export type PairingKey = Readonly<{ secret: string } | { code: string }>;

export const pairingMs = 15 * 60_000;
export const codeTriesMax = 5;
/** 2 groups of 4 symbols: 40 bits, which 15 minutes and 5 tries make enough. */
export const codeGroups = 2;
export const secretBytes = 16;

export function pairingSecretDigest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export function pairingCodeDigest(code: string): Buffer {
  return createHash('sha256')
    .update(`code:${normalCode(code)}`)
    .digest();
}

/** What was found. A wrong code is a value and not an error, so that the try it cost is committed. */
export type Found = { row: PairingRow } | { refused: CodedError };

/** Finds the open pairing of `key`. With a code only inside `database.write`: a wrong one is counted there. */
export function findOpenPairing(store: PairingStore, key: PairingKey, now: number): Found {
  const row = 'secret' in key ? store.bySecret(pairingSecretDigest(key.secret)) : byCode(store, key.code, now);
  if (row === undefined) return { refused: unknownPairing('secret' in key) };
  if ('refused' in row) return row;
  if (row.redeemed_at !== null) return { refused: usedPairing() };
  if (row.refused_at !== null) return { refused: refusedPairing() };
  // Made in the future: the clock was set back, and nobody knows for how long it would be good.
  if (row.expires_at <= now || row.created_at > now) return { refused: expiredPairing() };
  return { row };
}

function byCode(store: PairingStore, code: string, now: number): PairingRow | { refused: CodedError } | undefined {
  const digest = pairingCodeDigest(code);
  const open = store.open(now);
  if (open === undefined || !timingSafeEqual(digest, open.code_sha256)) {
    // A code that was right until a moment ago gets its true answer, and costs nothing.
    const earlier = store.byCode(digest).find((row) => row.id !== open?.id);
    if (earlier !== undefined) return earlier;
    if (open !== undefined) store.countWrongCode(open.id);
    return undefined;
  }
  if (open.tries_left <= 0) return { refused: triedOut() };
  return open;
}

function unknownPairing(byLink: boolean): CodedError {
  const what = byLink ? 'The box does not know this link.' : 'That is not the code of an open pairing.';
  const next = byLink ? 'Make a new one on the box, and open it whole.' : 'Look at the code again, or make a new one.';
  return new CodedError('pairing-unknown', `${what} Nothing was paired. ${next}`);
}

function usedPairing(): CodedError {
  return new CodedError(
    'pairing-used',
    'This pairing has been used: it works once. If that was not you, take the phone off the box’s list; else make a new link.',
  );
}

function refusedPairing(): CodedError {
  return new CodedError(
    'pairing-expired',
    'Somebody said that this is not their phone, which ended this pairing. Nothing was paired. If it is yours, make a new one on the box.',
  );
}

function expiredPairing(): CodedError {
  return new CodedError(
    'pairing-expired',
    'This pairing has run out: it lasts 15 minutes, and a newer one takes its place. Nothing was paired. Make a new one on the box.',
  );
}

function triedOut(): CodedError {
  return new CodedError(
    'pairing-expired',
    'This code took too many wrong tries and no longer works. Nothing was paired. Use the link, or make a new code.',
  );
}
