import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';
import { Milliseconds, Nullable, Sha256 } from './contract.ts';

export const safeContract = {
  safeToRemove: {
    method: 'GET',
    path: '/api/phone/safe-to-remove',
    access: 'phone',
    summary:
      'Which of this phone’s items it may remove to free room: only those whose file is on the disk now, whole, in pages',
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 128 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    }),
    status: 200,
    reply: Type.Object({
      items: Type.Array(
        Type.Object({
          path: Type.String({ description: 'as this phone told it' }),
          key: Nullable(Type.String({ description: 'the phone’s own id of it' })),
          size: Type.Integer({ description: 'bytes; a file of another size is not the one that is meant' }),
          mtime: Nullable(Milliseconds),
          month: Type.String({ description: 'yyyy-mm, in which it was taken, as on the timeline' }),
          sha256: Sha256,
          receivedAt: Type.Integer({ description: 'when its bytes came, and had this checksum' }),
          verifiedAt: Nullable(
            Type.Integer({ description: 'when they were last read from the disk and still had it; null: not since' }),
          ),
          mirror: Nullable(
            Type.Object(
              {
                copies: Type.Integer({ description: 'on so many other disks of the box, the library’s not counted' }),
                verifiedAt: Type.Integer({ description: 'when one of them was last read back, and had this checksum' }),
              },
              { description: 'where else it is; null: nowhere' },
            ),
          ),
        }),
        { description: 'fewer than `limit`, or none, may stand on a page that has a next one' },
      ),
      next: Nullable(Type.String()),
    }),
  },
} as const satisfies Contract;
