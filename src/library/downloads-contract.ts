import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

export const downloadsContract = {
  offerDownload: {
    method: 'POST',
    path: '/api/downloads',
    access: 'phone-or-person',
    summary: 'A ticket for a ZIP of these photos, with the other halves of pairs and their sidecars, for ten minutes',
    body: Type.Object({
      assets: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 10_000 }),
    }),
    status: 201,
    reply: Type.Object({
      id: Type.String(),
      files: Type.Integer(),
      bytes: Type.Integer({ description: 'of the whole ZIP' }),
    }),
  },
  download: {
    method: 'GET',
    path: '/api/downloads/:id',
    access: 'phone-or-person',
    summary: 'The ZIP, as it is made: stored, with its exact length',
    params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) }),
    status: 200,
    raw: true,
  },
} as const satisfies Contract;
