import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const ById = Type.Object({ id: Type.String({ maxLength: 64 }) });
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'bytes' });
const Quota = Type.Union([Bytes, Type.Null()], {
  description: 'of all files of the person, the trash included; null: as much as there is',
});
const Days = Type.Integer({ minimum: 7, maximum: 365, description: 'how long what goes to the trash stays there' });
const LimitsView = Type.Object({
  quotaBytes: Quota,
  trashDays: Days,
  used: Type.Union([Type.Object({ files: Type.Integer(), bytes: Type.Integer() }), Type.Null()], {
    description: 'null: the library’s disk is away',
  }),
});

export const limitsContract = {
  ownLimits: {
    method: 'GET',
    path: '/api/limits',
    access: 'phone-or-person',
    summary: 'How much of the disk a person may use and uses, and how long their trash is kept: one’s own',
    status: 200,
    reply: LimitsView,
  },
  limitsOf: {
    method: 'GET',
    path: '/api/people/:id/limits',
    access: 'owner',
    summary: 'The same of anybody on the box',
    params: ById,
    status: 200,
    reply: LimitsView,
  },
  changeLimits: {
    method: 'PUT',
    path: '/api/people/:id/limits',
    access: 'owner',
    summary: 'Sets how much a person may use, and how long their trash is kept; nothing is deleted because of it',
    params: ById,
    body: Type.Object({
      quotaBytes: Type.Optional(Quota),
      trashDays: Type.Optional(
        Type.Union([Days, Type.Null()], { description: 'null: 30. What is in the trash keeps what was told' }),
      ),
    }),
    status: 200,
    reply: LimitsView,
  },
} as const satisfies Contract;
