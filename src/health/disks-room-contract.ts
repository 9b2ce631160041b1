import type { Contract } from '../http/contract.ts';
import { Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });
const room = { totalBytes: Bytes, freeBytes: Bytes } as const;
const FullInDays = Nullable(
  Type.Integer({
    description: 'until only the reserve is free, at the rate of the last nights; null: nobody can tell',
  }),
);

const RoomView = Type.Object({
  reserveBytes: Type.Integer({ description: 'of the library’s disk: left free, so that the box can always write' }),
  bytesPerDay: Nullable(Type.Integer({ description: 'by which the library grew of late; null: too few nights' })),
  library: Nullable(
    Type.Object(
      {
        ...room,
        fullInDays: FullInDays,
        nights: Type.Array(Type.Object({ night: Type.String({ description: 'yyyy-mm-dd of its morning' }), ...room }), {
          description: 'how full it was after each, the oldest first; another disk before it is among them',
        }),
      },
      { description: 'null: it is away, or does not answer' },
    ),
  ),
  mirrors: Type.Array(
    Type.Object({
      diskId: Type.String({ description: 'as `GET /api/mirrors` has it' }),
      ...room,
      fullInDays: FullInDays,
    }),
    { description: 'that are attached, and answer; they fill as the library does' },
  ),
  looks: Type.Array(Type.Object({ source: Type.String({ description: 'as `GET /api/disks` has it' }), ...room }), {
    description: 'disks that are only looked at',
  }),
});
export type RoomView = Static<typeof RoomView>;

export const disksRoomContract = {
  readRoom: {
    method: 'GET',
    path: '/api/room',
    access: 'owner',
    summary: 'How much room the library’s disk, its mirrors and disks that are looked at have, and how long it lasts',
    status: 200,
    reply: RoomView,
  },
} as const satisfies Contract;
