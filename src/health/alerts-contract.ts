import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { Advice, AlertCode, AlertParams, Severity } from './contract.ts';

export const KeptAlertView = Type.Object({
  id: Type.Integer(),
  code: AlertCode,
  severity: Severity,
  params: AlertParams,
  advice: Type.Object({ code: Advice, params: AlertParams }, { description: 'what one can do about it' }),
  state: Type.Union([
    Type.Literal('raised'),
    Type.Literal('acknowledged', { description: 'somebody has seen it; it is raised again only if it grows worse' }),
    Type.Literal('cleared', { description: 'over' }),
  ]),
  since: Type.Integer({ description: 'when it was first so' }),
  raisedAt: Milliseconds,
  acknowledgedAt: Nullable(Milliseconds),
  clearedAt: Nullable(Milliseconds),
});
export type KeptAlert = Static<typeof KeptAlertView>;

export const alertsContract = {
  listAlerts: {
    method: 'GET',
    path: '/api/alerts',
    access: 'person',
    summary: 'What needs or needed somebody: what concerns oneself, or all of it for the owner; open ones first',
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 128 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    }),
    status: 200,
    reply: Type.Object({
      open: Type.Array(KeptAlertView, { description: 'worst first; all of them on each page' }),
      cleared: Type.Array(KeptAlertView, { description: 'the last first; kept for 400 days' }),
      next: Nullable(Type.String()),
    }),
  },
  acknowledgeAlert: {
    method: 'POST',
    path: '/api/alerts/:id/acknowledge',
    access: 'person',
    summary:
      'Says that somebody has seen it: of one’s own phones, or anything for the owner. It stays until it is over',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    status: 200,
    reply: KeptAlertView,
  },
} as const satisfies Contract;
