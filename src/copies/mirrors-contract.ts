import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { Type } from '../platform/schema.ts';

const Count = Type.Integer({ minimum: 0 });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });
const Sum = Type.Object({ files: Count, bytes: Bytes });
const ByDisk = Type.Object({ diskId: Type.String({ maxLength: 64 }) });

const MirrorView = Type.Object({
  diskId: Type.String(),
  name: Type.String({ description: 'of its disk or folder' }),
  attached: Type.Boolean(),
  running: Type.Boolean({ description: 'it is being followed, read back or healed from just now' }),
  resting: Type.Boolean({ description: 'it rests while somebody sends or looks at pictures' }),
  problem: Nullable(
    Type.Union([
      Type.Literal('full'),
      Type.Literal('failing', { description: 'the disk is there, and cannot be used; it is tried again' }),
    ]),
  ),
  seenAt: Type.Integer({ description: 'when it was last attached' }),
  files: Type.Integer({ description: 'that are on it and read back right' }),
  bytes: Bytes,
  waiting: Type.Object(Sum.properties, { description: 'what is present and not on it yet' }),
  behindSince: Nullable(Milliseconds),
  lastCompleteAt: Nullable(Type.Integer({ description: 'when nothing waited, last' })),
  oldestReadAt: Nullable(
    Type.Integer({ description: 'since when every file on it was read back; null: there is none' }),
  ),
  catalogueAt: Nullable(Type.Integer({ description: 'of the newest copy of the catalogue on it' })),
  bytesPerSecond: Nullable(Type.Integer({ description: 'of late; null: nothing is being copied' })),
  secondsLeft: Nullable(Type.Integer()),
  knownAt: Nullable(
    Type.Integer({ description: 'as of when all this is: before now while the library is away; null: nobody knows' }),
  ),
});

export const mirrorsContract = {
  listMirrors: {
    method: 'GET',
    path: '/api/mirrors',
    access: 'owner',
    summary: 'The disks that hold everything a second time, how far each is, and whether one is becoming the library',
    status: 200,
    reply: Type.Object({
      library: Type.Object({
        state: Type.Union([Type.Literal('ok'), Type.Literal('missing'), Type.Literal('none')]),
        diskId: Nullable(Type.String({ description: 'of the disk that is the library, there or not' })),
      }),
      mirrors: Type.Array(MirrorView, {
        description: 'while the library is away, those that are attached, as they were known last (`knownAt`)',
      }),
      promotion: Nullable(
        Type.Object({
          diskId: Type.String(),
          phase: Type.Union([
            Type.Literal('preparing', { description: 'nothing has changed; it can be called off' }),
            Type.Literal('switched', { description: 'that disk is the library as soon as it is there' }),
          ]),
          startedAt: Milliseconds,
          problem: Nullable(Type.String({ description: 'why it waits' })),
        }),
      ),
      promoted: Nullable(
        Type.Object(
          {
            diskId: Type.String(),
            formerId: Nullable(Type.String({ description: 'which was the library until then; null: it was away' })),
            at: Milliseconds,
          },
          { description: 'the last mirror that became the library' },
        ),
      ),
    }),
  },
  lackingOnMirror: {
    method: 'GET',
    path: '/api/mirrors/:diskId/lacking',
    access: 'owner',
    summary: 'What the library has and this mirror does not, in pages',
    params: ByDisk,
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 128 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    }),
    status: 200,
    reply: Type.Object({
      files: Type.Array(
        Type.Object({
          id: Type.Integer(),
          person: Type.String({ description: 'the person’s name' }),
          name: Type.String(),
          path: Type.String(),
          kind: Type.Union([
            Type.Literal('photo'),
            Type.Literal('video'),
            Type.Literal('sidecar'),
            Type.Literal('file'),
          ]),
          size: Bytes,
        }),
      ),
      next: Nullable(Type.String()),
    }),
  },
  promoteMirror: {
    method: 'POST',
    path: '/api/mirrors/:diskId/promote',
    access: 'owner',
    summary: 'Makes this mirror the library; the disk that was it becomes a mirror. It goes on in the background',
    params: ByDisk,
    body: Type.Object({
      anyway: Type.Optional(
        Type.Boolean({
          description:
            'also while the library’s disk is away: then it is left alone, and phones are asked for the rest',
        }),
      ),
    }),
    status: 202,
  },
  cancelPromotion: {
    method: 'DELETE',
    path: '/api/promotion',
    access: 'owner',
    summary: 'Calls that off, as long as nothing has changed',
    status: 204,
  },
  followMirror: {
    method: 'PUT',
    path: '/api/mirrors/:diskId',
    access: 'owner',
    summary: 'Follows a mirror again that was forgotten',
    params: ByDisk,
    status: 204,
  },
  forgetMirror: {
    method: 'DELETE',
    path: '/api/mirrors/:diskId',
    access: 'owner',
    summary: 'Follows this mirror no more; nothing on it is changed',
    params: ByDisk,
    status: 204,
  },
} as const satisfies Contract;
