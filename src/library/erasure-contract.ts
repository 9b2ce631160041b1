import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const Typed = Type.Object({
  typed: Type.String({ minLength: 1, maxLength: 64, description: 'the name of the person, exactly' }),
});
const Progress = Type.Object({
  files: Type.Integer({ description: 'to be deleted in all' }),
  done: Type.Integer({ description: 'of these, gone' }),
});
const ById = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const erasureContract = {
  deleteDataOf: {
    method: 'POST',
    path: '/api/people/:id/delete-data',
    access: 'owner',
    summary: 'Deletes everything that a removed person left on the box, for good; goes on in the background',
    params: ById,
    body: Typed,
    status: 202,
    reply: Progress,
  },
  deleteMyData: {
    method: 'DELETE',
    path: '/api/me/data',
    access: 'signed-in',
    summary: 'Deletes everything of mine, for good, and ends my phones; goes on in the background',
    body: Typed,
    status: 202,
    reply: Progress,
  },
  myErasure: {
    method: 'GET',
    path: '/api/me/data',
    access: 'signed-in',
    summary: 'How far the deleting of my data is (null: none is under way)',
    status: 200,
    reply: Type.Object({ erasure: Type.Union([Progress, Type.Null()]) }),
  },
} as const satisfies Contract;
