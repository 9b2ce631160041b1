import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

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

/** What came of a choice that was made with the claim; null: none was made. */
const Chosen = Type.Union([
  Type.Object({
    applied: Type.Boolean(),
    problem: Type.Union([Type.String(), Type.Null()], { description: 'why not, for a person to read' }),
  }),
  Type.Null(),
]);

export const accessContract = {
  getSetup: {
    method: 'GET',
    path: '/api/setup',
    access: 'public',
    summary: 'Says whether the box has an owner',
    status: 200,
    reply: Type.Object({ claimed: Type.Boolean(), box: Type.String({ description: 'its name' }) }),
  },
  claim: {
    method: 'POST',
    path: '/api/setup',
    access: 'public',
    summary: 'Claims a new box with its setup code; makes the owner, adopts the disk, signs in, takes what was chosen',
    body: Type.Object({
      code: Type.String({ maxLength: 64 }),
      person: PersonName,
      password: Password,
      name: Type.Optional(Type.String({ maxLength: 64, description: 'what to call the box' })),
      timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA' })),
    }),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Type.Object({ person: PersonView, chosen: Type.Object({ name: Chosen, timeZone: Chosen }) }),
  },
} as const satisfies Contract;
