import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Texts = Type.Array(Type.String());
const smallBodyBytesMax = 4 * 1024;

const TimeSource = Type.Object(
  {
    source: Type.Union([
      Type.Literal('system', { description: 'the machine’s own clock' }),
      Type.Literal('internet'),
      Type.Literal('browser', { description: 'of the owner' }),
    ]),
    toldAt: Type.Union([Milliseconds, Type.Null()], { description: 'when somebody last told the box a time it took' }),
  },
  { description: 'where the box’s time comes from now' },
);
const InternetAnswer = Type.Object({
  at: Milliseconds,
  aheadMs: Type.Integer({ description: 'how far the internet was ahead of the box then; negative: behind it' }),
});
const Certificate = Type.Object({
  nameValidUntil: Milliseconds,
  addressValidUntil: Milliseconds,
  names: Texts,
  owners: Type.Union([Type.Object({ names: Texts, validUntil: Milliseconds }), Type.Null()], {
    description: 'the certificate that the owner brought; null: none',
  }),
});
const BoxView = Type.Object({
  name: Type.String({ description: '`<name>.local` on this network' }),
  chosenName: Type.String({ description: 'what it should be; another box may have it, and `name` then has a number' }),
  addresses: Type.Array(Type.String(), { description: 'host:port of the https door, the name first' }),
  fingerprint: Type.String({ description: 'SHA-256 of the root certificate, hexadecimal' }),
  httpsPort: Type.Integer(),
  httpPort: Type.Integer(),
  timeZone: Type.String({ description: 'IANA' }),
  now: Milliseconds,
  timeSource: TimeSource,
  internetTime: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'may the internet be asked for the time; null: never said, or none of the asker’s business',
  }),
  internetAnswer: Type.Union([InternetAnswer, Type.Null()], { description: 'since the box started; owner only' }),
  version: Type.String(),
  appliance: Type.Boolean({
    description: 'it stands on a device of its own: networks, restart, shutting down and resets are the box’s to do',
  }),
  certificate: Type.Union([Certificate, Type.Null()], { description: 'null for members' }),
});
export type BoxView = Static<typeof BoxView>;

/** Their order is that of `first-run.ts`. */
const Step = Type.Union([
  Type.Literal('box'),
  Type.Literal('you'),
  Type.Literal('disk', { description: 'where the photos live, and a second disk' }),
  Type.Literal('lock'),
  Type.Literal('recovery'),
  Type.Literal('clock'),
  Type.Literal('tell', { description: 'who is told, off the page, when something is wrong' }),
  Type.Literal('phone'),
]);
export type FirstRunStep = Static<typeof Step>;
const State = Type.Union([
  Type.Literal('open'),
  Type.Literal('done'),
  Type.Literal('later', { description: 'put off, or never begun: nobody is led there' }),
]);
export type StepState = Static<typeof State>;
const Lock = Type.Union([Type.Literal('phone'), Type.Literal('codes'), Type.Literal('later')]);
export type LockChoice = Static<typeof Lock>;
const FirstRunView = Type.Object({
  finished: Type.Boolean({ description: 'no step is open' }),
  steps: Type.Object({
    ...{ box: State, you: State, disk: State, lock: State, recovery: State, clock: State, tell: State, phone: State },
  }),
  lock: Type.Union([Lock, Type.Null()], { description: 'what was chosen to guard the box besides the password' }),
});
export type FirstRunView = Static<typeof FirstRunView>;

export const applianceContract = {
  getBox: {
    method: 'GET',
    path: '/api/box',
    access: 'person',
    summary: 'What the box is called, where it answers, what time it has, and its certificates',
    status: 200,
    reply: BoxView,
  },
  changeBox: {
    method: 'PATCH',
    path: '/api/box',
    access: 'owner',
    summary: 'Changes the box’s name, its time zone, and whether the internet may be asked for the time',
    body: Type.Object({
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      timeZone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
      internetTime: Type.Optional(Type.Boolean()),
    }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: BoxView,
  },
  getFirstRun: {
    method: 'GET',
    path: '/api/first-run',
    access: 'owner',
    summary: 'How far the first run has come; a page goes on at the first open step',
    status: 200,
    reply: FirstRunView,
  },
  tickFirstRun: {
    method: 'PUT',
    path: '/api/first-run/steps/:step',
    access: 'owner',
    summary: 'Says that a step of the first run is done, or put off',
    params: Type.Object({ step: Step }),
    body: Type.Object({
      state: Type.Union([Type.Literal('done'), Type.Literal('later')]),
      choice: Type.Optional(Lock),
    }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: FirstRunView,
  },
} as const satisfies Contract;
