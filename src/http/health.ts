/** Owns the answer to "are you well?", which everybody may ask, also over plain http; so it says no more than this. */
import { type Static, Type } from '../platform/schema.ts';
import { type Contract, implement, type Routes } from './contract.ts';

export const HealthView = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  box: Type.String({ description: "the box's name" }),
  version: Type.String(),
  setUp: Type.Boolean({ description: 'whether the box has an owner' }),
  disk: Type.Union([Type.Literal('ok'), Type.Literal('missing'), Type.Literal('none')]),
});
export type HealthView = Static<typeof HealthView>;

export const healthContract = {
  health: {
    method: 'GET',
    path: '/api/health',
    access: 'public',
    summary: 'Says whether the box is well: its library can be opened and is on its disk',
    status: 200,
    reply: HealthView,
  },
} as const satisfies Contract;

/** `report` is asked at every request and must be quick. */
export function healthRoutes(report: () => HealthView): Routes {
  return implement(healthContract, { health: async () => report() });
}
