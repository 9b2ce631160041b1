/** What the privileged helper tells of updates (`system/.../box-helper/updates.mts`), as the daemon checks it. */
import { type Static, Type } from '../platform/schema.ts';
import { OutcomeView } from './updates-contract.ts';

const Version = Type.Union([Type.String({ maxLength: 64 }), Type.Null()]);
const Slot = Type.Union([Type.Literal('A'), Type.Literal('B')]);

export const UpdateStatus = Type.Object({
  board: Type.String({ maxLength: 32 }),
  slot: Slot,
  other: Type.Object({
    slot: Slot,
    version: Version,
    state: Type.Union([
      Type.Literal('empty'),
      Type.Literal('unfinished'),
      Type.Literal('ready'),
      Type.Literal('failed'),
      Type.Literal('good'),
    ]),
  }),
  activity: Type.Union([
    Type.Object({
      state: Type.Literal('installing'),
      percent: Type.Integer({ minimum: 0, maximum: 100 }),
      step: Type.String({ maxLength: 200 }),
    }),
    Type.Object({ state: Type.Literal('trying'), version: Version }),
    Type.Null(),
  ]),
  outcome: Type.Union([OutcomeView, Type.Null()]),
});
export type UpdateStatus = Static<typeof UpdateStatus>;
