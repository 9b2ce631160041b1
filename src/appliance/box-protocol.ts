/**
 * What the daemon and the box's privileged helper say to each other: one JSON line each way, then the connection ends. The
 * helper takes types from here and nothing else: it checks every request itself (`system/.../box-helper/request.mts`).
 */
import { type Static, Type } from '../platform/schema.ts';
import { UpdateStatus } from '../updates/update-status.ts';

const Text = Type.String({ maxLength: 400 });
const Few = { maxItems: 64 } as const;

const BoxLink = Type.Object({
  /** The kernel's name, `eth0`. */
  name: Text,
  kind: Type.Union([Type.Literal('wired'), Type.Literal('wireless')]),
  up: Type.Boolean(),
  macAddress: Text,
  addresses: Type.Array(Text, Few),
});
export const SeenWifi = Type.Object({
  ssid: Text,
  signalDbm: Type.Integer(),
  security: Type.Union([Type.Literal('open'), Type.Literal('password'), Type.Literal('unsupported')]),
});
export type SeenWifi = Static<typeof SeenWifi>;
const BoxWifi = Type.Object({
  country: Type.Union([Text, Type.Null()]),
  joined: Type.Union([Type.Object({ ssid: Text, signalDbm: Type.Union([Type.Integer(), Type.Null()]) }), Type.Null()]),
  /** The one that is tried first at the beginning. */
  known: Type.Array(Text, Few),
  /** The strongest first, each name once. */
  seen: Type.Array(SeenWifi, Few),
});
const Network = Type.Object({
  links: Type.Array(BoxLink, Few),
  /** Null: no such hardware. */
  wifi: Type.Union([BoxWifi, Type.Null()]),
});
export type BoxNetwork = Static<typeof Network>;

const Joined = Type.Object({
  outcome: Type.Union([Type.Literal('joined'), Type.Literal('fell-back'), Type.Literal('not-joined')]),
  /** Null: joined. */
  why: Type.Union([
    Type.Literal('not-found'),
    Type.Literal('wrong-password'),
    Type.Literal('no-address'),
    Type.Literal('no-answer'),
    Type.Null(),
  ]),
});
export type WifiJoined = Static<typeof Joined>;

const RemoteShell = Type.Object({
  on: Type.Boolean(),
  user: Text,
  keys: Type.Array(Type.Object({ line: Type.String({ maxLength: 2_048 }), fingerprint: Text }), Few),
});
export type BoxRemoteShell = Static<typeof RemoteShell>;

export type OutboundPort = Readonly<{ protocol: 'tcp' | 'udp'; port: number }>;

export type BoxRequest =
  | { verb: 'restart' }
  | { verb: 'power-off' }
  /** What the box keeps of itself is emptied when it starts the next time, which is at once. Disks are not touched. */
  | { verb: 'factory-reset' }
  /** `look`: for Wi-Fi networks, which takes some seconds; else what was seen lately. */
  | { verb: 'network'; look: boolean }
  /** `country`: '' leaves it as it is. Watches for a minute what comes of it, and goes back where it fails. */
  | { verb: 'wifi-join'; ssid: string; passphrase: string; country: string }
  | { verb: 'wifi-forget' }
  | { verb: 'ssh-status' }
  /** Lines of `authorized_keys`, without options. */
  | { verb: 'ssh'; on: boolean; keys: string[] }
  /** All that may be reached beyond the local networks; what is not in it any more is closed. */
  | { verb: 'outbound'; ports: OutboundPort[] }
  /** Milliseconds since 1970. Sets the machine's clock, forward only. */
  | { verb: 'clock'; time: number }
  | { verb: 'update-status' }
  /** A bundle: the whole path of a file. `older`: also a version that is older than the running one. */
  | { verb: 'update-install'; path: string; older: boolean }
  /** Into the version beside the running one, on trial. */
  | { verb: 'update-restart' };
export type BoxVerb = BoxRequest['verb'];

const Nothing = Type.Object({});

/** What is answered to each verb, beside `ok: true`. */
export const boxAnswers = {
  restart: Nothing,
  'power-off': Nothing,
  'factory-reset': Nothing,
  network: Network,
  'wifi-join': Joined,
  'wifi-forget': Nothing,
  'ssh-status': RemoteShell,
  ssh: RemoteShell,
  outbound: Nothing,
  /** False: the machine's clock was right enough, or ahead. */
  clock: Type.Object({ set: Type.Boolean() }),
  'update-status': UpdateStatus,
  'update-install': Nothing,
  'update-restart': Nothing,
} as const;
export type BoxAnswer<Verb extends BoxVerb> = Static<(typeof boxAnswers)[Verb]>;

export type BoxRefusal =
  | 'not-allowed'
  | 'invalid-request'
  /** This machine has none of that: no Wi-Fi, no firewall. */
  | 'unsuitable'
  | 'busy'
  | 'program-missing'
  | 'failed'
  | 'timeout';
