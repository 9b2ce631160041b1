import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const smallBodyBytesMax = 16 * 1024;

const Link = Type.Object({
  name: Type.String({ description: 'the kernel’s, as `eth0`' }),
  kind: Type.Union([Type.Literal('wired'), Type.Literal('wireless')]),
  up: Type.Boolean({ description: 'there is a cable, or a network is joined' }),
  macAddress: Type.String(),
  addresses: Type.Array(Type.String()),
});
const SeenNetwork = Type.Object({
  ssid: Type.String(),
  signalDbm: Type.Integer({ description: '-30 is beside it, -90 hardly there' }),
  security: Type.Union([
    Type.Literal('open'),
    Type.Literal('password', { description: 'WPA2 or WPA3 with a passphrase' }),
    Type.Literal('unsupported', { description: 'WEP, or names and certificates: the box cannot join it' }),
  ]),
});
const JoinWhy = Type.Union([
  Type.Literal('not-found', { description: 'no network of this name is seen' }),
  Type.Literal('wrong-password'),
  Type.Literal('no-address', { description: 'joined, and nobody there gave the box an address' }),
  Type.Literal('no-answer', { description: 'it is seen, and does not let the box in' }),
  Type.Literal('failed', { description: 'the box itself could not try it' }),
]);
const LastJoin = Type.Object({
  ssid: Type.String(),
  at: Milliseconds,
  outcome: Type.Union([
    Type.Literal('joined'),
    Type.Literal('fell-back', { description: 'the box is in the network that it was in before' }),
    Type.Literal('not-joined', { description: 'and there was no other to go back to, or it is out of reach' }),
  ]),
  why: Type.Union([JoinWhy, Type.Null()], { description: 'null: joined' }),
});
export type LastJoin = Static<typeof LastJoin>;
const Wifi = Type.Object({
  country: Type.Union([Type.String(), Type.Null()], { description: 'ISO 3166; null: never said' }),
  joined: Type.Union([
    Type.Object({ ssid: Type.String(), signalDbm: Type.Union([Type.Integer(), Type.Null()]) }),
    Type.Null(),
  ]),
  known: Type.Array(Type.String(), { description: 'names, the one that is tried first at the beginning' }),
  seen: Type.Array(SeenNetwork, { description: 'by signal, the strongest first; each name once' }),
});
const NetworkView = Type.Object({
  appliance: Type.Boolean({
    description: 'false: this machine’s network is not the box’s to change; nothing else is told',
  }),
  links: Type.Array(Link),
  wifi: Type.Union([Wifi, Type.Null()], { description: 'null: the machine has none' }),
  joining: Type.Union([Type.Object({ ssid: Type.String(), since: Milliseconds }), Type.Null()], {
    description: 'is being tried now, for a minute at most',
  }),
  lastJoin: Type.Union([LastJoin, Type.Null()], { description: 'since the box started' }),
});
export type NetworkView = Static<typeof NetworkView>;

const RemoteShellView = Type.Object({
  appliance: Type.Boolean({ description: 'false: not the box’s to change' }),
  on: Type.Boolean(),
  user: Type.String({ description: 'who signs in; no password does' }),
  keys: Type.Array(Type.Object({ line: Type.String(), fingerprint: Type.String({ description: 'as ssh writes it' }) })),
});
export type RemoteShellView = Static<typeof RemoteShellView>;

/** IEEE 802.11: 1 to 32 octets, which the box counts itself. A letter of UTF-8 may be four of them. */
const Ssid = Type.String({ minLength: 1, maxLength: 32 });
/** IEEE 802.11, annex J.4: 8 to 63 characters of printable ASCII. */
const Passphrase = Type.String({ pattern: '^([ -~]{8,63})?$', description: 'empty: the network is open' });
const Country = Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166: which channels are allowed' });

/** What only the box's own device can do. On any other machine these say so: `not-this-machine`. */
export const deviceContract = {
  getNetwork: {
    method: 'GET',
    path: '/api/network',
    access: 'owner',
    summary: 'Which networks the box is in, and the Wi-Fi that it sees',
    status: 200,
    reply: NetworkView,
  },
  lookForWifi: {
    method: 'POST',
    path: '/api/network/look',
    access: 'owner',
    summary: 'Looks for Wi-Fi networks, some seconds long, and says what there is',
    status: 200,
    reply: NetworkView,
  },
  joinWifi: {
    method: 'PUT',
    path: '/api/network/wifi',
    access: 'owner',
    summary: 'Tries a Wi-Fi network, in the background; where that fails, the box goes back to the former one',
    body: Type.Object({ ssid: Ssid, passphrase: Passphrase, country: Type.Optional(Country) }),
    bodyBytesMax: smallBodyBytesMax,
    status: 202,
    reply: NetworkView,
  },
  forgetWifi: {
    method: 'DELETE',
    path: '/api/network/wifi',
    access: 'owner',
    summary: 'Leaves the Wi-Fi, and forgets every network that the box knows',
    status: 200,
    reply: NetworkView,
  },
  restartBox: {
    method: 'POST',
    path: '/api/box/restart',
    access: 'owner',
    summary: 'Starts the machine anew; uploads go on afterwards',
    status: 202,
  },
  shutDownBox: {
    method: 'POST',
    path: '/api/box/shut-down',
    access: 'owner',
    summary: 'Lets the disks go, and turns the machine off',
    status: 202,
  },
  resetBox: {
    method: 'POST',
    path: '/api/box/factory-reset',
    access: 'owner',
    summary: 'Makes the box as it was when new, and restarts it; photos stay on their disks',
    body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 64, description: 'of the box, typed' }) }),
    bodyBytesMax: smallBodyBytesMax,
    status: 202,
  },
  getRemoteShell: {
    method: 'GET',
    path: '/api/box/remote-shell',
    access: 'owner',
    summary: 'Whether somebody may come in by ssh, and with which keys',
    status: 200,
    reply: RemoteShellView,
  },
  setRemoteShell: {
    method: 'PUT',
    path: '/api/box/remote-shell',
    access: 'owner',
    summary: 'Lets the owners of these keys in by ssh from the local network, or nobody',
    body: Type.Object({
      on: Type.Boolean(),
      keys: Type.Optional(
        Type.Array(Type.String({ maxLength: 2_048 }), {
          maxItems: 8,
          description: 'lines of `authorized_keys`, without options; not told: as they were',
        }),
      ),
    }),
    bodyBytesMax: smallBodyBytesMax * 2,
    status: 200,
    reply: RemoteShellView,
  },
} as const satisfies Contract;
