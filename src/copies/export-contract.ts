import type { Contract } from '../http/contract.ts';
import { Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Count = Type.Integer({ minimum: 0 });
export const ExportView = Type.Object({
  folder: Type.String(),
  person: Nullable(Type.String({ description: 'null: everybody' })),
  state: Type.Union([
    Type.Literal('running'),
    Type.Literal('done', { description: 'all of it is there, read back and right, but for `problems`' }),
    Type.Literal('stopped'),
    Type.Literal('failed'),
  ]),
  reason: Nullable(Type.String({ description: 'why it failed, in words' })),
  ofFiles: Count,
  copied: Count,
  had: Type.Integer({ description: 'were there already, read again and right' }),
  bytes: Count,
  problems: Type.Array(
    Type.Object({
      path: Type.String(),
      reason: Type.Union([
        Type.Literal('damaged', { description: 'the library’s own file is not what came' }),
        Type.Literal('in-the-way', { description: 'another file has this name there; it was left alone' }),
      ]),
    }),
  ),
  problemsMore: Type.Integer({ minimum: 0, description: 'that are not listed, or are another person’s' }),
});
export type ExportView = Static<typeof ExportView>;

export const exportContract = {
  beginExport: {
    method: 'POST',
    path: '/api/export',
    access: 'console',
    summary: 'Copies the library, or one person’s, to a folder; the same again goes on where one ended',
    body: Type.Object({
      folder: Type.String({ maxLength: 4_096, description: 'absolute; it is there' }),
      person: Type.Optional(Type.String({ maxLength: 64, description: 'a name; default: everybody' })),
    }),
    status: 202,
    reply: ExportView,
  },
  getExport: {
    method: 'GET',
    path: '/api/export',
    access: 'owner',
    summary: 'How far the last export is (null: none since the box started)',
    status: 200,
    reply: Type.Object({ export: Nullable(ExportView) }),
  },
  stopExport: {
    method: 'POST',
    path: '/api/export/stop',
    access: 'owner',
    summary: 'Ends it; what was copied stays',
    status: 204,
  },
} as const satisfies Contract;
