import { createHash, X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';
import type { phonesContract } from '../phones/contract.ts';
import type { Static } from '../platform/schema.ts';
import { type Address, addressesMax, addressOf, distinct, hostPortOf, originOf } from './address.ts';
import { Box, failed } from './box.ts';
import type { ConfigStore, Pairing } from './config-store.ts';
import { connected, connectSecurely } from './connection.ts';
import { Failure, messageOf, Trouble } from './failure.ts';

/**
 * Becoming a phone of a box. Owns: the link, and the check that the box is the one the link was made for.
 * Never: sends the secret, or anything else, to a box whose chain lacks the link's fingerprint. For main.ts.
 */

export type PairingLink = Readonly<{ secret: string; fingerprint: string; addresses: Address[]; name: string }>;
export type PairOptions = Readonly<{ clientVersion: string; replace: boolean; connectMs?: number }>;
type Redeemed = Static<typeof phonesContract.redeemPairing.reply>;

const chainMax = 10;

/** Reads `https://HOST:PORT/pair#s=..&f=..&a=..&n=..`; throws `invalid-link` or `https-required`. */
export function parsePairingLink(link: string): PairingLink {
  let url: URL;
  try {
    url = new URL(link.trim());
  } catch {
    throw new Failure('invalid-link', 'This is not a pairing link. Copy the whole link, in quotes.');
  }
  const first = addressOf(url.origin === 'null' ? link : url.origin);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const secret = fragment.get('s') ?? '';
  const fingerprint = (fragment.get('f') ?? '').toLowerCase();
  if (url.pathname !== '/pair' || !/^[\w.~-]{1,64}$/.test(secret) || !/^[0-9a-f]{64}$/.test(fingerprint)) {
    throw new Failure('invalid-link', 'The pairing link is not complete. Copy the whole link, in quotes.');
  }
  const listed = (fragment.get('a') ?? '').split(',').filter((entry) => entry !== '');
  // A link of plain loopback http is for this machine alone: the other addresses are not its business.
  const others = first.secure ? listed.slice(0, addressesMax).map((hostPort) => addressOf(`https://${hostPort}`)) : [];
  return { secret, fingerprint, addresses: distinct([first, ...others]), name: fragment.get('n') ?? 'box' };
}

/** Pairs, and stores the credential before it returns. */
export async function pair(link: string, config: ConfigStore, options: PairOptions): Promise<Pairing> {
  const parsed = parsePairingLink(link);
  const before = await config.pairing();
  if (before !== null && before.fingerprint !== parsed.fingerprint && !options.replace) {
    const help = 'To leave that box and use this one, add --replace. Nothing was sent.';
    throw new Failure('already-paired', `This phone is paired with another box, “${before.name}”. ${help}`);
  }
  const connectMs = options.connectMs ?? 5000;
  const rootPem = parsed.addresses.some(({ secure }) => secure) ? await findRoot(parsed, connectMs) : null;
  const box = new Box({ addresses: parsed.addresses, rootPem, token: null, connectMs });
  try {
    const redeemed = await redeem(box, parsed.secret, options.clientVersion);
    const pairing: Pairing = {
      fingerprint: parsed.fingerprint,
      rootPem,
      addresses: parsed.addresses.map(originOf),
      lastAddress: box.address ?? originOf(parsed.addresses[0] as Address),
      name: redeemed.box,
      person: redeemed.person,
      phone: redeemed.phone,
      phoneId: redeemed.phoneId,
      token: redeemed.token,
    };
    await config.savePairing(pairing);
    await config.forgetUploads();
    return pairing;
  } finally {
    box.close();
  }
}

export type OpenBoxOptions = Readonly<{
  onAddress?: (address: Address) => void;
  /** Looks for the box in the network when no address answers; without it nothing is looked for. */
  find?: (options: Readonly<{ fingerprint: string; rootPem: string }>) => Promise<Address | null>;
}>;

/** The paired box, its last good address first. */
export function openBox(pairing: Pairing, { onAddress, find }: OpenBoxOptions = {}): Box {
  const { fingerprint, rootPem, lastServername } = pairing;
  const last = addressOf(pairing.lastAddress);
  const byName = last.secure && typeof lastServername === 'string' ? [{ ...last, servername: lastServername }] : [];
  return new Box({
    addresses: distinct([...byName, last, ...pairing.addresses.map(addressOf)]),
    ...(find === undefined || rootPem === null ? {} : { findAgain: () => find({ fingerprint, rootPem }) }),
    rootPem: pairing.rootPem,
    token: pairing.token,
    ...(onAddress === undefined ? {} : { onAddress }),
  });
}

/**
 * The pairing with where the box was reached just now first, so that the next run need not look for it; what was known
 * stays behind it. Only a name that its certificate has shown is taken over.
 */
export function withAddress(pairing: Pairing, address: Address): Pairing {
  const { servername } = address;
  const lastAddress = originOf(address);
  if (servername === undefined) return { ...pairing, lastAddress };
  const byName = originOf({ secure: true, host: servername, port: address.port });
  const addresses = [...new Set([lastAddress, byName, ...pairing.addresses])].slice(0, addressesMax);
  return { ...pairing, lastAddress, lastServername: servername, addresses, name: servername.replace(/\.local$/, '') };
}

async function redeem(box: Box, secret: string, clientVersion: string): Promise<Redeemed> {
  const body = Buffer.from(JSON.stringify({ secret, client: 'nightjar-phone', clientVersion }));
  const headers = { 'content-type': 'application/json' };
  const reply = await box
    .ask({ method: 'POST', path: '/api/pairings/redeem', headers, body })
    .catch((error: unknown) => {
      if (!(error instanceof Trouble)) throw error;
      // Not tried again: the secret may be used up already.
      throw new Failure(error.code, `${error.message} If the link does not work a second time, make a new one.`);
    });
  if (reply.status < 200 || reply.status > 299) {
    const problem = failed(reply);
    throw new Failure(problem.code, problem.message);
  }
  const redeemed = JSON.parse(reply.body.toString('utf8')) as Redeemed;
  const texts = [redeemed.phoneId, redeemed.phone, redeemed.person, redeemed.box];
  if (!/^[\x21-\x7e]{16,512}$/.test(redeemed.token) || texts.some((text) => typeof text !== 'string')) {
    throw new Failure('invalid-answer', 'The box’s answer cannot be understood. Make a new link and try again.');
  }
  return redeemed;
}

/** The root certificate that the fingerprint names, as some address presents it. */
async function findRoot(link: PairingLink, connectMs: number): Promise<string> {
  const reasons: string[] = [];
  let stranger = false;
  for (const address of link.addresses) {
    try {
      const found = (await presentedChain(address, connectMs)).find((der) => sha256(der) === link.fingerprint);
      if (found !== undefined) return new X509Certificate(found).toString();
      stranger = true;
    } catch (error) {
      reasons.push(`${hostPortOf(address)} ${messageOf(error)}`);
    }
  }
  if (stranger) {
    const help = 'Nothing was sent to it. Check that the link is new and that you are in the right network.';
    throw new Failure('wrong-box', `This is not the box the link was made for. ${help}`);
  }
  throw new Failure('unreachable', `The box cannot be reached: ${reasons.join('; ')}. Are you in the same network?`);
}

/** The certificates that a server shows, DER. The one connection without verification: it carries no request. */
async function presentedChain(address: Address, connectMs: number): Promise<Buffer[]> {
  const chain: Buffer[] = [];
  const socket = connectSecurely(address, { rejectUnauthorized: false, minVersion: 'TLSv1.2' });
  await connected(socket, 'secureConnect', connectMs, undefined, () => {
    let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    while (next?.raw !== undefined && chain.length < chainMax) {
      chain.push(next.raw);
      next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
    }
  });
  return chain;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
