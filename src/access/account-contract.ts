import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { Password } from './contract.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const passwordExpiryDaysMax = 3_650;
const idleLockMinutesMax = 24 * 60;

const policyMembers = {
  secondFactorRequired: Type.Boolean({ description: 'of everyone; who has none adds one at the next sign-in' }),
  passwordExpiryDays: Type.Union([Type.Integer({ minimum: 1, maximum: passwordExpiryDaysMax }), Type.Null()], {
    description: 'null: never, which is better: see `passwordExpiryNote`',
  }),
  idleLockMinutes: Type.Union([Type.Integer({ minimum: 1, maximum: idleLockMinutesMax }), Type.Null()], {
    description: 'a page left alone for so long is locked; null: never',
  }),
};
const PolicyView = Type.Object({ ...policyMembers, passwordExpiryNote: Type.String() });

/** Told live to a person's pages and phones. */
export const NoticeEvent = Type.Object(
  { type: Type.Literal('notice'), kind: Type.String(), at: Milliseconds },
  { description: 'there is something to see: ask for the notices' },
);
export type NoticeEvent = Static<typeof NoticeEvent>;

export const accountContract = {
  changePassword: {
    method: 'PUT',
    path: '/api/password',
    access: 'signed-in',
    summary: 'Changes one’s password; every other session ends',
    body: Type.Object({ current: Password, password: Password, again: Password }),
    bodyBytesMax: 4 * 1024,
    status: 204,
  },
  getPolicy: {
    method: 'GET',
    path: '/api/policy',
    access: 'owner',
    summary: 'Tells the rules for everyone’s sign-in',
    status: 200,
    reply: PolicyView,
  },
  putPolicy: {
    method: 'PUT',
    path: '/api/policy',
    access: 'owner',
    summary: 'Sets the rules for everyone’s sign-in; what somebody lacks is asked for at their next one',
    body: Type.Object(policyMembers),
    bodyBytesMax: 4 * 1024,
    status: 200,
    reply: PolicyView,
  },
  listNotices: {
    method: 'GET',
    path: '/api/notices',
    access: 'phone-or-person',
    summary: 'What happened to one’s account, the newest first, at most 100',
    status: 200,
    reply: Type.Object({
      notices: Type.Array(
        Type.Object({
          id: Type.Integer(),
          at: Milliseconds,
          kind: Type.String(),
          detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
          seen: Type.Boolean(),
        }),
      ),
    }),
  },
  seeNotices: {
    method: 'POST',
    path: '/api/notices/seen',
    access: 'signed-in',
    summary: 'Says that the notices up to this one were seen',
    body: Type.Object({ upTo: Type.Integer({ minimum: 1 }) }),
    status: 204,
  },
} as const satisfies Contract;
