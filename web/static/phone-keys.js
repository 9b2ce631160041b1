// What this phone keeps for itself: the key that approves sign-ins, and the secret of its one-time codes. Both are
// WebCrypto keys that no script can read out again (`extractable: false`), in this origin's own IndexedDB.
const databaseName = 'nightjar';
const storeName = 'keys';
const curve = { name: 'ECDSA', namedCurve: 'P-256' };
const stepSeconds = 30;

export function canKeepKeys() {
  return isSecureContext && globalThis.indexedDB !== undefined && globalThis.crypto?.subtle !== undefined;
}

function open() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(databaseName, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function withStore(mode, use) {
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

/** What is kept under this name, or undefined. */
export function kept(name) {
  return withStore('readonly', (store) => store.get(name));
}

export function keep(name, value) {
  return withStore('readwrite', (store) => store.put(value, name));
}

export function forget(name) {
  return withStore('readwrite', (store) => store.delete(name));
}

/** Asks the browser not to clear this away by itself. True: it will not. */
export async function keepStorage() {
  return (await navigator.storage?.persist?.().catch(() => false)) === true;
}

function base64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/**
 * A new key, kept before anybody is told of it, beside the one that is in use: that goes on until the box has taken this
 * one. Its public half as base64 SPKI.
 */
export async function makeApproverKey() {
  const pair = await crypto.subtle.generateKey(curve, false, ['sign', 'verify']);
  const publicKey = base64(await crypto.subtle.exportKey('spki', pair.publicKey));
  await keep('approver-next', { pair, publicKey });
  return publicKey;
}

/** The box knows this phone by `publicKey`: whether that key is here. A new one that it has taken is in use from now. */
export async function useApproverKey(publicKey) {
  const next = await kept('approver-next');
  if (next?.publicKey === publicKey) {
    await keep('approver', next);
    await forget('approver-next');
  }
  return (await kept('approver'))?.publicKey === publicKey;
}

/** The body of an answer to `request`. The text that is signed is described in src/access/approval-text.ts. */
export async function signAnswer(request, digits, phoneId) {
  const { pair } = await kept('approver');
  const { origin } = location;
  const text = ['nightjar-approval:v1', origin, request.id, digits, String(request.at), phoneId].join('\n');
  const signing = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(signing, pair.privateKey, new TextEncoder().encode(text));
  return { digits, at: request.at, origin, signature: base64(signature) };
}

/** RFC 4648, section 6; spaces and dashes do not matter. */
function base32(text) {
  const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bytes = [];
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

/** The secret of one-time codes, from its text form; it cannot be read out again. */
export function codeKey(textKey) {
  return crypto.subtle.importKey('raw', base32(textKey), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
}

/** The code of this moment (RFC 6238: SHA-1, six digits, 30 s) and how many seconds it still lasts. */
export async function codeAt(key, ms) {
  const seconds = Math.floor(ms / 1000);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(seconds / stepSeconds)));
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer));
  const offset = mac.getUint8(19) & 0xf;
  const code = String((mac.getUint32(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  return { code, secondsLeft: stepSeconds - (seconds % stepSeconds) };
}
