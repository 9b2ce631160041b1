/** Telling the box the time: a page of the owner does, where the box's own clock is behind what the box knows. */

import type { Clock } from '../platform/clock.ts';
import { Type } from '../platform/schema.ts';
import type { Caller } from './caller.ts';
import { type Contract, implement, type Routes } from './contract.ts';

const Milliseconds = Type.Integer({
  minimum: 0,
  maximum: 8_640_000_000_000_000,
  description: 'milliseconds since 1970, UTC',
});

export const clockContract = {
  getClock: {
    method: 'GET',
    path: '/api/clock',
    access: 'person',
    summary: 'The time as the box has it, and whether somebody should tell it a better one',
    status: 200,
    reply: Type.Object({ now: Milliseconds, behind: Type.Boolean() }),
  },
  tellClock: {
    method: 'POST',
    path: '/api/clock',
    access: 'owner',
    summary: 'Tells the box the time; used only while its own clock is behind, and within bounds',
    body: Type.Object({ now: Milliseconds }),
    status: 200,
    reply: Type.Object({
      now: Milliseconds,
      told: Type.Union([Type.Literal('used'), Type.Literal('not-needed'), Type.Literal('refused')]),
    }),
  },
} as const satisfies Contract;

/** `onUsed` is told of each time that was taken over, for the audit log. */
export function clockRoutes(deps: { clock: Clock; onUsed?: (by: Caller) => Promise<void> }): Routes {
  const { clock, onUsed } = deps;
  return implement(clockContract, {
    getClock: async () => ({ now: clock.now(), behind: clock.isBehind() }),
    tellClock: async ({ body, caller }) => {
      const told = clock.tell(body.now);
      if (told === 'used') await onUsed?.(caller);
      return { now: clock.now(), told };
    },
  });
}
