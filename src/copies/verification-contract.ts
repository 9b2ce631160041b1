import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Files = Type.Integer({ minimum: 0 });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });

/** A file whose bytes are not there, or not what came. Also in the night's report. */
export const LostFile = Type.Object({
  id: Type.Integer({ description: 'of its asset' }),
  personId: Type.String(),
  person: Type.String({ description: 'the person’s name' }),
  name: Type.String({ description: 'of the file on the disk' }),
  path: Type.String({ description: 'on the disk' }),
  kind: Type.Union([Type.Literal('photo'), Type.Literal('video'), Type.Literal('sidecar'), Type.Literal('file')]),
  size: Bytes,
  takenLocal: Type.String({ description: 'yyyy-mm-ddThh:mm:ss where it was taken' }),
  damage: Nullable(
    Type.Union([
      Type.Literal('missing', { description: 'there is no such file' }),
      Type.Literal('other-bytes', { description: 'it is not what came; it is kept' }),
      Type.Literal('unreadable', { description: 'the disk does not give it' }),
    ]),
  ),
  foundAt: Nullable(Milliseconds),
});
export type LostFile = Static<typeof LostFile>;

const MendedFile = Type.Object({
  ...LostFile.properties,
  mendedAt: Milliseconds,
  how: Type.Union([
    Type.Literal('from-mirror'),
    Type.Literal('came-again', { description: 'from a phone' }),
    Type.Literal('put-back', { description: 'by hand, in its old place' }),
  ]),
});
export type MendedFile = Static<typeof MendedFile>;

export const verificationContract = {
  getVerification: {
    method: 'GET',
    path: '/api/verification',
    access: 'owner',
    summary: 'How far the originals were read again, and which of them are not what came, in pages',
    query: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 128 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    }),
    status: 200,
    reply: Type.Object({
      running: Type.Boolean(),
      waiting: Type.Boolean({ description: 'it rests while somebody sends or looks at pictures' }),
      all: Nullable(
        Type.Object(
          {
            since: Milliseconds,
            files: Files,
            bytes: Bytes,
            ofFiles: Type.Integer({ description: 'about: the trash counts here, and is not read' }),
            ofBytes: Bytes,
          },
          { description: 'everything is being read because somebody asked for it' },
        ),
      ),
      files: Type.Integer({ description: 'that the library holds, its trash included' }),
      bytes: Bytes,
      oldestAt: Nullable(
        Type.Integer({ description: 'since when every file was read again, or came; null: there is none' }),
      ),
      overdue: Type.Integer({ minimum: 0, description: 'files that nobody read for 30 days; at most 100,000' }),
      mended: Type.Array(MendedFile, { description: 'lost of late and there again: the last 50, the last first' }),
      lost: Type.Object({ count: Files, files: Type.Array(LostFile), next: Nullable(Type.String()) }),
    }),
  },
  startVerification: {
    method: 'POST',
    path: '/api/verification/start',
    access: 'owner',
    summary: 'Reads every original again, from now on; it goes on after a restart until it is done or stopped',
    status: 204,
  },
  stopVerification: {
    method: 'POST',
    path: '/api/verification/stop',
    access: 'owner',
    summary: 'Ends that; each night goes on reading its slice',
    status: 204,
  },
} as const satisfies Contract;
