import type { Contract } from '../http/contract.ts';
import { Milliseconds } from '../library/contract.ts';
import { Type } from '../platform/schema.ts';

const Path = Type.String({ minLength: 1, maxLength: 4_096, description: 'whole, on the box' });
const Secret = Type.String({ minLength: 1, maxLength: 1_024 });

export const boxCopiesContract = {
  openBoxCopy: {
    method: 'POST',
    path: '/api/box-state/open',
    access: 'console',
    summary: 'Opens a sealed copy of a box’s state into a new folder, by the owner’s password or the recovery key',
    body: Type.Union([
      Type.Object({ file: Path, dir: Path, password: Secret }),
      Type.Object({ file: Path, dir: Path, recoveryKey: Secret }),
    ]),
    status: 200,
    reply: Type.Object({
      box: Type.String({ description: 'what it was called' }),
      madeAt: Milliseconds,
      files: Type.Array(Type.String(), { description: 'in the new folder' }),
    }),
  },
} as const satisfies Contract;
