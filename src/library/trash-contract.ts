import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';
import { AssetView } from './contract.ts';

/** What is chosen in one request. */
const Chosen = Type.Object({ assets: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 1000 }) });
const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Ids = Type.Array(Type.Integer());

export const trashContract = {
  trash: {
    method: 'POST',
    path: '/api/trash',
    access: 'signed-in',
    summary:
      'Puts photos into the trash for 30 days, or as many as the owner chose, with the other halves of pairs and sidecars',
    body: Chosen,
    status: 200,
    reply: Type.Object({ trashed: Ids }),
  },
  trashed: {
    method: 'GET',
    path: '/api/trash',
    access: 'signed-in',
    summary: 'What is in the trash, newest first, in pages',
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 128 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    }),
    status: 200,
    reply: Type.Object({
      entries: Type.Array(
        Type.Object({
          asset: AssetView,
          trashedAt: Milliseconds,
          goneAt: Type.Integer({ description: 'milliseconds since 1970, UTC: deleted for good then, at the earliest' }),
        }),
      ),
      count: Type.Integer({ description: 'of all pages' }),
      bytes: Type.Integer({ description: 'of all pages' }),
      next: Type.Union([Type.String(), Type.Null()]),
    }),
  },
  restoreTrashed: {
    method: 'POST',
    path: '/api/trash/restore',
    access: 'signed-in',
    summary: 'Brings photos back from the trash into their folders',
    body: Chosen,
    status: 200,
    reply: Type.Object({
      restored: Ids,
      missing: Type.Array(Type.Integer(), {
        description: 'their files were not on the disk any more; a phone that has them sends them again',
      }),
    }),
  },
  deleteTrashed: {
    method: 'POST',
    path: '/api/trash/delete',
    access: 'signed-in',
    summary: 'Deletes for good what is in the trash. The next backups do not bring it back',
    body: Chosen,
    status: 200,
    reply: Type.Object({ deleted: Ids }),
  },
} as const satisfies Contract;
