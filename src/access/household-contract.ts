import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const PersonName = Type.String({ minLength: 1, maxLength: 64 });
const Password = Type.String({ minLength: 1, maxLength: 256 });
const Secret = Type.String({ minLength: 1, maxLength: 64 });
const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Nullable = <const S extends ReturnType<typeof Type.Integer | typeof Type.String>>(schema: S) =>
  Type.Union([schema, Type.Null()]);
const ById = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Of a question that anybody may ask: room for all of it, and little to fill memory with. */
const publicBodyBytesMax = 16 * 1024;

const Role = Type.Union([Type.Literal('owner'), Type.Literal('member')]);
const Named = Type.Object({ id: Type.String(), name: Type.String(), folder: Type.String(), role: Role });
const Invitation = Type.Object({
  link: Type.String({ description: 'a key until it is used; its secret is in the fragment' }),
  expiresAt: Milliseconds,
});
const ResetInvitation = Type.Object({
  person: Type.String(),
  link: Type.String(),
  code: Type.String({ description: 'the same, to be typed at /join' }),
  validFrom: Milliseconds,
  expiresAt: Milliseconds,
});
export const HousemateView = Type.Object({
  ...Named.properties,
  canSignIn: Type.Boolean({ description: 'false: no password was chosen as yet' }),
  secondFactor: Type.Boolean(),
  invitedUntil: Nullable(Milliseconds),
  removedAt: Nullable(Milliseconds),
  erasedAt: Nullable(Milliseconds),
});
const AuditEntryView = Type.Object({
  id: Type.Integer(),
  at: Milliseconds,
  event: Type.String(),
  actor: Type.String({ description: 'person:<id>, phone:<id>, console, box (what had waited for its time) or nobody' }),
  actorName: Nullable(Type.String()),
  subject: Nullable(Type.String()),
  subjectName: Nullable(Type.String()),
  times: Type.Integer({ description: 'how often in that hour, from then on' }),
  detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
});

export const householdContract = {
  listPeople: {
    method: 'GET',
    path: '/api/people',
    access: 'owner',
    summary: 'Lists the people of the house, also those who were removed',
    status: 200,
    reply: Type.Object({ people: Type.Array(HousemateView) }),
  },
  addPerson: {
    method: 'POST',
    path: '/api/people',
    access: 'owner',
    summary: 'Adds a member with a private library, and invites them by a link (7 days, once)',
    body: Type.Object({ person: PersonName }),
    status: 201,
    reply: Type.Object({ person: Named, invitation: Invitation }),
  },
  renamePerson: {
    method: 'PATCH',
    path: '/api/people/:id',
    access: 'owner',
    summary: 'Gives a person another name; their folder keeps its own',
    params: ById,
    body: Type.Object({ name: PersonName }),
    status: 200,
    reply: Type.Object({ person: Named }),
  },
  removePerson: {
    method: 'DELETE',
    path: '/api/people/:id',
    access: 'owner',
    summary: 'Ends everything by which a member comes in, phones included; their photos stay',
    params: ById,
    status: 204,
  },
  invitePerson: {
    method: 'POST',
    path: '/api/people/:id/invitation',
    access: 'owner',
    summary: 'Makes a new invitation for a member without a password; older ones end',
    params: ById,
    status: 201,
    reply: Type.Object({ invitation: Invitation }),
  },
  lookAtInvitation: {
    method: 'POST',
    path: '/api/invitations/look',
    access: 'public',
    summary: 'Says whom an invitation is for; does not use it up',
    body: Type.Object({ secret: Secret }),
    bodyBytesMax: publicBodyBytesMax,
    status: 200,
    reply: Type.Object({
      person: Type.String(),
      kind: Type.Union([Type.Literal('join'), Type.Literal('reset')]),
      box: Type.String(),
      validFrom: Milliseconds,
      expiresAt: Milliseconds,
    }),
  },
  redeemInvitation: {
    method: 'POST',
    path: '/api/invitations/redeem',
    access: 'public',
    summary: 'Uses an invitation up: sets the password and goes in, as after signing in with it',
    body: Type.Object({ secret: Secret, password: Password }),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Type.Object({
      person: Named,
      stage: Type.String({ description: 'open, or what is still due' }),
      ways: Type.Array(Type.String()),
    }),
  },
  resetPassword: {
    method: 'POST',
    path: '/api/people/:id/password-reset',
    access: 'console',
    summary: 'Gives a link and a code with which the person chooses a new password (an hour, once)',
    params: ById,
    status: 201,
    reply: ResetInvitation,
  },
  resetSecondFactor: {
    method: 'POST',
    path: '/api/people/:id/second-factor-reset',
    access: 'console',
    summary: 'Takes every second factor away: now, or 10 minutes after the password was reset',
    params: ById,
    status: 200,
    reply: Type.Object({ person: Type.String(), validFrom: Milliseconds, done: Type.Boolean() }),
  },
  resetMembersFactor: {
    method: 'DELETE',
    path: '/api/people/:id/second-factor',
    access: 'owner',
    summary: 'Takes every second factor of a member away, in ten minutes: until then the member can say no',
    params: ById,
    status: 200,
    reply: Type.Object({ person: Type.String(), validFrom: Milliseconds, done: Type.Boolean() }),
  },
  stopRecovery: {
    method: 'DELETE',
    path: '/api/me/recovery',
    access: 'signed-in',
    summary: 'Says no to what somebody at the box asked for in my name',
    status: 200,
    reply: Type.Object({ stopped: Type.Integer() }),
  },
  listSessionsOf: {
    method: 'GET',
    path: '/api/people/:id/sessions',
    access: 'console',
    summary: 'Lists the sessions of a person',
    params: ById,
    status: 200,
    reply: Type.Object({
      sessions: Type.Array(
        Type.Object({
          id: Type.String(),
          browser: Type.String(),
          address: Type.String(),
          stage: Type.String(),
          createdAt: Milliseconds,
          lastUsedAt: Milliseconds,
        }),
      ),
    }),
  },
  endSessionsOf: {
    method: 'DELETE',
    path: '/api/people/:id/sessions',
    access: 'console',
    summary: 'Ends every session of a person',
    params: ById,
    status: 200,
    reply: Type.Object({ ended: Type.Integer() }),
  },
  listAudit: {
    method: 'GET',
    path: '/api/audit',
    access: 'owner',
    summary: 'Who did what to whom, the newest first, in pages',
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 32 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    }),
    status: 200,
    reply: Type.Object({ entries: Type.Array(AuditEntryView), next: Nullable(Type.String()) }),
  },
  exportAudit: {
    method: 'GET',
    path: '/api/audit/export',
    access: 'owner',
    summary: 'The whole audit log as a file, the oldest first',
    query: Type.Object({ format: Type.Union([Type.Literal('csv'), Type.Literal('jsonl')]) }),
    status: 200,
    replyType: 'text/csv',
    raw: true,
  },
} as const satisfies Contract;
