import { Type } from 'typebox';
import type { Contract } from '../http/contract.ts';

export const PersonName = Type.String({ minLength: 1, maxLength: 64 });
// No composition rules and room for long phrases (NIST SP 800-63B-4); the floor is checked by access itself.
export const Password = Type.String({ minLength: 1, maxLength: 256 });

/** Of a question that anybody may ask, whether known or not: room for all of it, and little to fill memory with. */
export const publicBodyBytesMax = 16 * 1024;

export const PersonView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  folder: Type.String(),
  role: Type.Union([Type.Literal('owner'), Type.Literal('member')]),
});

export const accessContract = {
  getSetup: {
    method: 'GET',
    path: '/api/setup',
    access: 'public',
    summary: 'Says whether the box has an owner',
    status: 200,
    reply: Type.Object({ claimed: Type.Boolean() }),
  },
  claim: {
    method: 'POST',
    path: '/api/setup',
    access: 'public',
    summary: 'Claims a new box with its setup code; makes the owner, adopts the disk, signs in',
    body: Type.Object({ code: Type.String({ maxLength: 64 }), person: PersonName, password: Password }),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Type.Object({ person: PersonView }),
  },
} as const satisfies Contract;
