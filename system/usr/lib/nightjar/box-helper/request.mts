/** Reads one request. Takes exactly the members of its verb, each within its form and limit; anything else is refused. */
import type { BoxRefusal, BoxRequest } from '../../../../../src/appliance/box-protocol.ts';
import { Refusal } from '../helper-socket/refusal.mts';
import {
  type Check,
  flag,
  like,
  list,
  one,
  readRequest,
  type Shape,
  type Shapes,
  whole,
} from '../helper-socket/shapes.mts';
import { isPublicKey } from './public-key.mts';

/** What the asker is told; `message` is for a person. */
export class Refused extends Refusal {
  declare readonly code: BoxRefusal;
  // biome-ignore lint/complexity/noUselessConstructor: it takes no word that the protocol does not have.
  constructor(code: BoxRefusal, message: string) {
    super(code, message);
  }
}

export const requestBytesMax = 24 * 1024;

/** IEEE 802.11, section 9.4.2.2: 1 to 32 octets; here without controls and halves of characters. */
const ssid: Check = (value) =>
  typeof value === 'string' && /^[^\p{Cc}\p{Cs}]+$/u.test(value) && Buffer.byteLength(value) <= 32;
/** IEEE 802.11, annex J.4: 8 to 63 characters of ASCII, 32 to 126. */
const passphrase = like(/^([ -~]{8,63})?$/);
const country = like(/^([A-Z]{2})?$/);
const port: Shape = { protocol: one('tcp', 'udp'), port: whole(1, 65_535) };
/** Only the form: which folders a bundle may come from is decided where it is opened. */
const path: Check = (value) =>
  typeof value === 'string' && /^(\/[^/\p{Cc}\p{Cs}]+)+$/u.test(value) && Buffer.byteLength(value) <= 1_024;

const shapes: Shapes<BoxRequest['verb']> = {
  restart: {},
  'power-off': {},
  'factory-reset': {},
  network: { look: flag },
  'wifi-join': { ssid, passphrase, country },
  'wifi-forget': {},
  'ssh-status': {},
  ssh: { on: flag, keys: list((value) => typeof value === 'string' && isPublicKey(value), 8) },
  outbound: { ports: list(port, 32) },
  // Until the year 2100.
  clock: { time: whole(0, Date.UTC(2100, 0)) },
  'update-status': {},
  'update-install': { path, older: flag },
  'update-restart': {},
};

/** @throws {Refused} `invalid-request`, which never repeats what was sent. */
export function parseRequest(line: string): BoxRequest {
  const request = readRequest(line, shapes, requestBytesMax);
  if (request !== undefined) return request as BoxRequest;
  throw new Refused('invalid-request', 'This is no request that the box helper knows. Nothing was done.');
}
