import { publicBodyBytesMax } from '../access/contract.ts';
import type { Contract } from '../http/contract.ts';
import { Milliseconds } from '../library/contract.ts';
import { Type } from '../platform/schema.ts';

const Code = Type.String({ maxLength: 64, description: 'the setup code of the new box' });
const Secret = Type.String({ minLength: 1, maxLength: 256 });
const CopyName = Type.Optional(Type.String({ maxLength: 64, description: 'of the copy; default: the newest' }));
const Count = Type.Integer({ minimum: 0 });

export const adoptionContract = {
  lookAtAdoption: {
    method: 'POST',
    path: '/api/setup/adopt/look',
    access: 'public',
    summary:
      'Says what the disk of another box holds that this new box could adopt; no names without the owner’s secret',
    body: Type.Object({ code: Code }),
    bodyBytesMax: publicBodyBytesMax,
    status: 200,
    reply: Type.Object({
      box: Type.String({ description: 'what the old box is called' }),
      people: Type.Union([Count, Type.Null()], { description: 'who have photos on it; null: not known yet' }),
      files: Type.Union([Count, Type.Null()]),
      copies: Type.Array(
        Type.Object({
          name: Type.String(),
          madeAt: Milliseconds,
          opensByPassword: Type.Boolean({ description: 'else by the recovery key alone' }),
        }),
        { description: 'the newest first' },
      ),
    }),
  },
  adopt: {
    method: 'POST',
    path: '/api/setup/adopt',
    access: 'public',
    summary:
      'Makes this new box the one whose library is on its disk: people, phones and certificates come along; it starts anew',
    body: Type.Union([
      Type.Object({ code: Code, copy: CopyName, password: Secret }),
      Type.Object({ code: Code, copy: CopyName, recoveryKey: Secret }),
    ]),
    bodyBytesMax: publicBodyBytesMax,
    status: 200,
    reply: Type.Object({
      box: Type.String({ description: 'what this box is called from now on' }),
      madeAt: Milliseconds,
      people: Type.Array(Type.Object({ name: Type.String(), files: Count })),
      phones: Count,
    }),
  },
} as const satisfies Contract;
