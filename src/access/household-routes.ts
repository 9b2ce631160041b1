import { Readable } from 'node:stream';
import type { Caller, PersonCaller } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import { actorOf } from './audit.ts';
import type { AuditLog } from './audit-log.ts';
import type { Door } from './door.ts';
import type { Household } from './household.ts';
import { householdContract } from './household-contract.ts';
import type { Invitation, Invitations } from './invitations.ts';
import type { Recovery } from './recovery.ts';

export type HouseholdRoutesDeps = Readonly<{
  household: Household;
  invitations: Invitations;
  recovery: Recovery;
  auditLog: AuditLog;
  door: Door;
  /** @throws {CodedError} `confirm-first` when the person did not prove lately to be there. */
  requireConfirmed: (caller: PersonCaller) => void;
}>;

const auditPageUsual = 100;
const forms = {
  csv: { type: 'text/csv; charset=utf-8', name: 'nightjar-audit.csv' },
  jsonl: { type: 'application/jsonl; charset=utf-8', name: 'nightjar-audit.jsonl' },
} as const;

export function householdRoutes(deps: HouseholdRoutesDeps): Routes {
  const { household, invitations, recovery, auditLog, door } = deps;
  const confirmed = (caller: Caller) => {
    if (caller.kind === 'person') deps.requireConfirmed(caller);
  };
  const shown = ({ link, expiresAt }: Invitation) => ({ link, expiresAt });
  return implement(householdContract, {
    listPeople: async () => ({ people: household.everyone() }),
    addPerson: async ({ body, caller }) => {
      const person = await household.addPerson(body.person, caller);
      return { person, invitation: shown(await invitations.invite(person.id, caller)) };
    },
    renamePerson: async ({ params, body, caller }) => ({
      person: await household.renamePerson(params.id, body.name, caller),
    }),
    removePerson: async ({ params, caller }) => {
      confirmed(caller);
      await household.removePerson(params.id, caller);
    },
    invitePerson: async ({ params, caller }) => ({ invitation: shown(await invitations.invite(params.id, caller)) }),
    lookAtInvitation: async ({ body }) => invitations.look(body.secret),
    redeemInvitation: async ({ body, request }, reply) => {
      const signedIn = await invitations.redeem(body, door.placeOf(request));
      door.give(signedIn, request, reply);
      const { person, stage, ways } = signedIn;
      return { person, stage, ways: [...ways] };
    },
    resetPassword: async ({ params }) => recovery.resetPassword(params.id, { door: 'console' }),
    resetSecondFactor: async ({ params }) => recovery.resetSecondFactor(params.id, { door: 'console' }),
    resetMembersFactor: async ({ params, caller }) => {
      confirmed(caller);
      return await recovery.resetMembersFactor(params.id, actorOf(caller));
    },
    stopRecovery: async ({ caller }) => recovery.object(caller.personId),
    listSessionsOf: async ({ params }) => ({
      sessions: recovery.sessions(params.id).map((row) => ({
        id: row.id,
        browser: row.user_agent,
        address: row.address,
        stage: row.stage,
        createdAt: row.created_at,
        lastUsedAt: row.last_used_at,
      })),
    }),
    endSessionsOf: async ({ params }) => recovery.endSessions(params.id),
    listAudit: async ({ query }) => auditLog.page(query.cursor, query.limit ?? auditPageUsual),
    exportAudit: async ({ query }, reply) => {
      const { type, name } = forms[query.format];
      reply.code(200).header('content-type', type).header('content-disposition', `attachment; filename="${name}"`);
      reply.send(Readable.from(auditLog.export(query.format)));
    },
  });
}
