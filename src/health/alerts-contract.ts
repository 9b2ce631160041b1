import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { AlertCode, AlertParams, Severity } from './contract.ts';

/** The sentences are the page's; what is in them is in the alert's params. */
const Advice = Type.Union([
  Type.Literal('put-the-disk-back'),
  Type.Literal('put-the-right-disk-back'),
  Type.Literal('replace-the-disk'),
  Type.Literal('make-room'),
  Type.Literal('open-the-phones-that-have-them'),
  Type.Literal('look-at-the-refused'),
  Type.Literal('open-the-app-at-home'),
  Type.Literal('open-the-app-while-charging'),
  Type.Literal('add-a-second-factor'),
  Type.Literal('tell-the-time'),
  Type.Literal('check-the-clock'),
  Type.Literal('install-the-video-tools'),
  Type.Literal('restart-the-box'),
  Type.Literal('cool-the-box'),
  Type.Literal('renew-the-certificate'),
  Type.Literal('check-the-channel'),
]);
export type AdviceCode = Static<typeof Advice>;

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
