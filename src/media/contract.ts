import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) });
const Nullable = <T extends Parameters<typeof Type.Array>[0]>(schema: T) => Type.Union([schema, Type.Null()]);

export const MediaEvent = Type.Union([
  Type.Object({
    type: Type.Literal('picture-ready'),
    asset: Type.Integer(),
    width: Type.Integer({ description: 'pixels of the original, the right way up' }),
    height: Type.Integer(),
    thumbhash: Nullable(Type.String({ description: 'base64' })),
    durationMs: Nullable(Type.Integer()),
  }),
  Type.Object({ type: Type.Literal('picture-refused'), asset: Type.Integer(), reason: Type.String() }),
]);

export const mediaContract = {
  thumbnail: {
    method: 'GET',
    path: '/api/assets/:id/thumbnail',
    access: 'phone-or-person',
    summary: 'WebP, at most 320 pixels a side; made first if need be, before those that nobody looks at',
    params: Id,
    status: 200,
    raw: true,
  },
  preview: {
    method: 'GET',
    path: '/api/assets/:id/preview',
    access: 'phone-or-person',
    summary: 'WebP, at most 1600 pixels a side',
    params: Id,
    status: 200,
    raw: true,
  },
  motion: {
    method: 'GET',
    path: '/api/assets/:id/motion',
    access: 'phone-or-person',
    summary: 'The video of a Live Photo or motion photo, whether a file of its own or inside the picture (with Range)',
    params: Id,
    status: 200,
    raw: true,
  },
  pictures: {
    method: 'GET',
    path: '/api/pictures',
    access: 'phone-or-person',
    summary: 'How many pictures are made and wanted, and which cannot be made, with the reason',
    status: 200,
    reply: Type.Object({
      ready: Type.Integer(),
      wanted: Type.Integer(),
      refused: Type.Integer(),
      refusals: Type.Array(
        Type.Object({ asset: Type.Integer(), path: Type.String(), code: Type.String(), reason: Type.String() }),
        { description: 'the newest 100' },
      ),
    }),
  },
  makeAgain: {
    method: 'POST',
    path: '/api/pictures/again',
    access: 'signed-in',
    summary: 'Makes all pictures of this person anew, from the originals',
    status: 202,
  },
} as const satisfies Contract;
