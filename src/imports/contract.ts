import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { type LeftOutReason, leftOutReasons } from './names.ts';

const Amount = Type.Object({ files: Type.Integer(), bytes: Type.Integer() });
const ByKind = Type.Object({ photo: Amount, video: Amount, sidecar: Amount, file: Amount });
const Kind = Type.Union([Type.Literal('photo'), Type.Literal('video'), Type.Literal('sidecar'), Type.Literal('file')]);
const Reason = Type.Unsafe<LeftOutReason>({ anyOf: leftOutReasons.map((one) => ({ type: 'string', const: one })) });

export const ImportReport = Type.Object({
  imported: ByKind,
  had: Type.Object(ByKind.properties, { description: 'the person had these already, or twice there' }),
  leftOut: Type.Record(Type.String(), Type.Integer(), { description: 'how many, by why' }),
  problems: Type.Array(Type.Object({ path: Type.String(), reason: Reason, kind: Kind }), {
    description: 'left out although they may be photos; only for whose import it is, and the console',
  }),
  problemsMore: Type.Integer({ description: 'that are not listed' }),
});
export type ImportReport = Static<typeof ImportReport>;

export const ImportView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  person: Type.String(),
  personId: Type.String(),
  source: Type.String({ description: 'a disk that is only looked at, or `folder`' }),
  folder: Nullable(Type.String({ description: 'null: another person’s' })),
  allFiles: Type.Boolean(),
  state: Type.Union([
    Type.Literal('running', { description: 'it goes on, or is the next to' }),
    Type.Literal('waiting', { description: 'something is in its way; it tries again by itself' }),
    Type.Literal('done'),
    Type.Literal('stopped', { description: 'by somebody; what was imported stays' }),
    Type.Literal('failed'),
  ]),
  reason: Nullable(Type.String({ description: 'error code: why it waits or failed' })),
  nextAt: Nullable(Milliseconds),
  createdAt: Milliseconds,
  endedAt: Nullable(Milliseconds),
  report: ImportReport,
});
export type ImportView = Static<typeof ImportView>;

const ById = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const importsContract = {
  beginImport: {
    method: 'POST',
    path: '/api/imports',
    access: 'person',
    summary: 'Copies the photos of a look-only disk into a person’s library; nothing there is changed',
    body: Type.Object({
      source: Type.String({
        maxLength: 128,
        description: 'a disk that is only looked at; `folder`, for the console: any folder of this machine',
      }),
      folder: Type.String({ maxLength: 4_096, description: 'on that disk, empty for all of it; else absolute' }),
      person: Type.Optional(Type.String({ maxLength: 64, description: 'a name; default: who asks' })),
      allFiles: Type.Optional(Type.Boolean({ description: 'also what is neither picture nor video' })),
    }),
    status: 201,
    reply: ImportView,
  },
  listImports: {
    method: 'GET',
    path: '/api/imports',
    access: 'person',
    summary: 'The last hundred imports, the newest first: one’s own, for the owner all',
    status: 200,
    reply: Type.Object({ imports: Type.Array(ImportView) }),
  },
  getImport: {
    method: 'GET',
    path: '/api/imports/:id',
    access: 'person',
    summary: 'How far an import is, and what it came to',
    params: ById,
    status: 200,
    reply: ImportView,
  },
  stopImport: {
    method: 'POST',
    path: '/api/imports/:id/stop',
    access: 'person',
    summary: 'Ends an import; what it brought stays, and the same one begun again brings only the rest',
    params: ById,
    status: 200,
    reply: ImportView,
  },
} as const satisfies Contract;
