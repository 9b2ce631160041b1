import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';
import { Password, PersonName, PersonView, publicBodyBytesMax } from './contract.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Code = Type.String({ minLength: 1, maxLength: 64 });
const Way = Type.Union([Type.Literal('approval'), Type.Literal('code'), Type.Literal('recovery')]);
const steps = [
  Type.Literal('second-factor', { description: 'the password was right; one of `ways` is due' }),
  Type.Literal('new-password', { description: 'the password has run out: choose another' }),
  Type.Literal('enrol', { description: 'this box requires a second factor: add one' }),
  Type.Literal('open'),
] as const;
const Stage = Type.Union([...steps], { description: 'what the session still lacks' });

/** Where a sign-in stands after a step; the cookie of the session is another one from then on. */
const Step = Type.Object({ person: PersonView, stage: Stage, ways: Type.Array(Way) });
const smallBodyBytesMax = 4 * 1024;

export const sessionsContract = {
  signIn: {
    method: 'POST',
    path: '/api/sessions',
    access: 'public',
    summary: 'Begins a sign-in by name and password; sets the session cookie; `stage` says what is still due',
    body: Type.Object({ person: PersonName, password: Password }),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Step,
  },
  currentSession: {
    method: 'GET',
    path: '/api/sessions/current',
    access: 'halfway',
    summary: 'Says who is signed in here, and what is still due',
    status: 200,
    reply: Type.Object({
      person: PersonView,
      stage: Type.Union([...steps, Type.Literal('locked', { description: 'left alone: unlock it by the password' })]),
      ways: Type.Array(Way),
      secondFactor: Type.Boolean({ description: 'the person has one' }),
      notices: Type.Integer({ description: 'how many were not seen; 0 until the session is open' }),
      idleLockMs: Type.Union([
        Type.Integer({ description: 'left alone for so long, the page is locked' }),
        Type.Null(),
      ]),
      confirmedUntil: Type.Union([Milliseconds, Type.Null()], {
        description: 'until then the session may change factors without asking again',
      }),
    }),
  },
  signOut: {
    method: 'DELETE',
    path: '/api/sessions/current',
    access: 'halfway',
    summary: 'Ends this session; the browser stays known',
    status: 204,
  },
  signInByCode: {
    method: 'POST',
    path: '/api/sessions/current/code',
    access: 'halfway',
    summary: 'Shows the second factor by a one-time code',
    body: Type.Object({ code: Code }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Step,
  },
  signInByRecoveryCode: {
    method: 'POST',
    path: '/api/sessions/current/recovery',
    access: 'halfway',
    summary: 'Shows the second factor by a recovery code, which is used up',
    body: Type.Object({ code: Code }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Step,
  },
  renewPassword: {
    method: 'POST',
    path: '/api/sessions/current/new-password',
    access: 'halfway',
    summary: 'Chooses another password where the old one has run out',
    body: Type.Object({ password: Password }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Step,
  },
  openEnrolled: {
    method: 'POST',
    path: '/api/sessions/current/open',
    access: 'halfway',
    summary: 'Goes on with a sign-in that waited for a second factor to be added',
    status: 200,
    reply: Step,
  },
  unlock: {
    method: 'POST',
    path: '/api/sessions/current/unlock',
    access: 'halfway',
    summary: 'Opens a session again that was locked because it was left alone',
    body: Type.Object({ password: Password }),
    bodyBytesMax: smallBodyBytesMax,
    status: 204,
  },
  confirmSession: {
    method: 'POST',
    path: '/api/sessions/current/confirm',
    access: 'signed-in',
    summary: 'Shows again that it is the person, for the next 10 minutes: by password or one-time code',
    body: Type.Union([Type.Object({ password: Password }), Type.Object({ code: Code })]),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Type.Object({ confirmedUntil: Milliseconds }),
  },
  listSessions: {
    method: 'GET',
    path: '/api/sessions',
    access: 'signed-in',
    summary: 'Lists where one is signed in, the last used first',
    status: 200,
    reply: Type.Object({
      sessions: Type.Array(
        Type.Object({
          id: Type.String(),
          device: Type.String({ description: 'as people call it: “Firefox on Linux”' }),
          address: Type.String(),
          createdAt: Milliseconds,
          lastUsedAt: Milliseconds,
          current: Type.Boolean(),
        }),
      ),
    }),
  },
  endSession: {
    method: 'DELETE',
    path: '/api/sessions/:id',
    access: 'signed-in',
    summary: 'Ends one of one’s sessions',
    params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
    status: 204,
  },
  endOtherSessions: {
    method: 'DELETE',
    path: '/api/sessions',
    access: 'signed-in',
    summary: 'Ends all of one’s sessions but this one',
    status: 200,
    reply: Type.Object({ ended: Type.Integer() }),
  },
  allowCodes: {
    method: 'POST',
    path: '/api/me/codes/allow',
    access: 'signed-in',
    summary: 'Lets one-time codes be tried again from anywhere, after so many wrong ones that they rest',
    status: 204,
  },
} as const satisfies Contract;
