/**
 * Owns what this browser keeps of the phone that it is: its credential, the key that approves sign-ins, the secret of its
 * one-time codes. The keys are WebCrypto keys that no script can read out again (`extractable: false`), all of it in this
 * origin's own IndexedDB. Never asks the box anything.
 */
import { address as addressOf } from './ask.ts';
import { isPhone, markOf, setMark, tellPhoneChanged } from './phone-mark.ts';

/** What pairing left here. `token`: `Authorization: Bearer TOKEN`. */
export type OwnPhone = Readonly<{ phoneId: string; phone: string; person: string; box: string; token: string }>;
/** A request as `GET /api/approvals` gives it, as far as it is signed. */
type ToSign = Readonly<{ id: string; at: number }>;
type KeptKey = Readonly<{ pair: CryptoKeyPair; publicKey: string }>;
export type KeptCodes = Readonly<{ id: string; name: string; key: CryptoKey }>;
/** What is kept under which name. */
type Kept = { phone: OwnPhone; approver: KeptKey; 'approver-next': KeptKey; codes: KeptCodes };

const databaseName = 'nightjar';
const storeName = 'keys';
const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const stepSeconds = 30;

/** Whether this browser can be a phone: it trusts the box, and keeps keys. */
export function canKeepKeys(): boolean {
  return isSecureContext && globalThis.indexedDB !== undefined && globalThis.crypto?.subtle !== undefined;
}

/** The phone that this browser is; undefined: none, or its storage was cleared. */
export async function ownPhone(): Promise<OwnPhone | undefined> {
  if (!canKeepKeys()) return undefined;
  const kept = await get('phone');
  if (kept !== undefined) {
    if (!isPhone()) setMark(kept.phoneId);
    return kept;
  }
  const before = tokenOfBefore();
  if (before !== undefined) await putOwnPhone(before);
  return before;
}

/** Earlier versions of the page kept the credential in localStorage. */
function tokenOfBefore(): OwnPhone | undefined {
  try {
    const { phoneId, phone, person, box, token } = JSON.parse(markOf() ?? '{}') as OwnPhone;
    return token === undefined ? undefined : { phoneId, phone, person, box, token };
  } catch {
    return undefined;
  }
}

export async function putOwnPhone(phone: OwnPhone): Promise<void> {
  await put('phone', phone);
  setMark(phone.phoneId);
  tellPhoneChanged();
}

/** The box does not know it any more: its credential goes. Codes stay, since they are the person's. */
export async function forgetOwnPhone(): Promise<void> {
  for (const name of ['phone', 'approver', 'approver-next'] as const) await drop(name);
  setMark(undefined);
  tellPhoneChanged();
}

/** Asks the browser not to clear this away by itself. True: it will not. */
export async function keepStorage(): Promise<boolean> {
  return (await navigator.storage?.persist?.().catch(() => false)) === true;
}

export async function storageIsKept(): Promise<boolean> {
  return (await navigator.storage?.persisted?.().catch(() => false)) === true;
}

/**
 * A new key, kept before anybody is told of it, beside the one that is in use: that goes on until the box has taken this
 * one. Its public half as base64 SPKI (RFC 5280, section 4.1.2.7).
 */
export async function makeApproverKey(): Promise<string> {
  const pair = await crypto.subtle.generateKey(curve, false, ['sign', 'verify']);
  const publicKey = base64(await crypto.subtle.exportKey('spki', pair.publicKey));
  await put('approver-next', { pair, publicKey });
  return publicKey;
}

/** The box knows this phone by `publicKey`: whether that key is here. A new one that it has taken is in use from now. */
export async function useApproverKey(publicKey: string): Promise<boolean> {
  const next = await get('approver-next');
  if (next?.publicKey === publicKey) {
    await put('approver', next);
    await drop('approver-next');
  }
  return (await get('approver'))?.publicKey === publicKey;
}

/** The body of an answer to `request`. The text that is signed is described in src/access/approval-text.ts. */
export async function signAnswer(request: ToSign, digits: string, phoneId: string) {
  const kept = await get('approver');
  if (kept === undefined) throw new Error('This phone’s key is gone. Register the phone again.');
  const { origin } = location;
  const text = ['nightjar-approval:v1', origin, request.id, digits, String(request.at), phoneId].join('\n');
  const signing = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(signing, kept.pair.privateKey, new TextEncoder().encode(text));
  return { digits, at: request.at, origin, signature: base64(signature) };
}

export const keptCodes = (): Promise<KeptCodes | undefined> => get('codes');
export const dropCodes = (): Promise<void> => drop('codes');

/** Keeps the secret of one-time codes (base 32: RFC 4648, section 6; spaces do not matter) so that it is never read out. */
export async function keepCodes(made: { id: string; name: string; textKey: string }): Promise<KeptCodes> {
  const algorithm = { name: 'HMAC', hash: 'SHA-1' };
  const key = await crypto.subtle.importKey('raw', base32(made.textKey), algorithm, false, ['sign']);
  const codes = { id: made.id, name: made.name, key };
  await put('codes', codes);
  return codes;
}

/** The code of this moment (RFC 6238: SHA-1, six digits, 30 s) and how long it still lasts. */
export async function codeAt(key: CryptoKey, ms: number): Promise<{ code: string; leftMs: number }> {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(ms / 1000 / stepSeconds)));
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer));
  const offset = mac.getUint8(19) & 0xf;
  const code = String((mac.getUint32(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  return { code, leftMs: stepSeconds * 1000 - (ms % (stepSeconds * 1000)) };
}

/** A file of the box as the phone may have it: the browser's session need not be this person's. */
export async function fetchAsPhone(
  { token }: Pick<OwnPhone, 'token'>,
  pattern: string,
  params: Record<string, string | number>,
  signal?: AbortSignal,
): Promise<Response> {
  return await fetch(addressOf(pattern, { params }), {
    headers: { authorization: `Bearer ${token}` },
    credentials: 'omit',
    cache: 'no-store',
    ...(signal === undefined ? {} : { signal }),
  });
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function base32(text: string): Uint8Array<ArrayBuffer> {
  const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const symbol of text.toUpperCase().replace(/[\s=-]/g, '')) {
    value = ((value << 5) | symbols.indexOf(symbol)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return new Uint8Array(bytes);
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(databaseName, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function withStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const work = database.transaction(storeName, mode, { durability: 'strict' });
      const asked = use(work.objectStore(storeName));
      work.oncomplete = () => resolve(asked.result);
      work.onabort = () => reject(work.error);
    });
  } finally {
    database.close();
  }
}

function get<N extends keyof Kept>(name: N): Promise<Kept[N] | undefined> {
  return withStore<Kept[N] | undefined>('readonly', (store) => store.get(name));
}
async function put<N extends keyof Kept>(name: N, value: Kept[N]): Promise<void> {
  await withStore('readwrite', (store) => store.put(value, name));
}
async function drop(name: keyof Kept): Promise<void> {
  await withStore('readwrite', (store) => store.delete(name));
}
