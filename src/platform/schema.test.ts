import fc from 'fast-check';
import { Type as TypeBox } from 'typebox';
import { Value } from 'typebox/value';
import { expect, test } from 'vitest';
import { isOf, Type } from './schema.ts';

/** The same shapes by either of the two. */
const shapes = (T: typeof Type) => ({
  text: T.String(),
  id: T.String({ pattern: '^[0-9a-f-]{3}$', description: 'an id' }),
  short: T.String({ minLength: 1, maxLength: 2 }),
  counted: T.Integer({ minimum: 0, maximum: 7 }),
  number: T.Number({ minimum: -1 }),
  yes: T.Boolean(),
  nothing: T.Null({ description: 'nothing' }),
  one: T.Literal(1),
  word: T.Literal('word', { description: 'that word' }),
  either: T.Union([T.Literal('a'), T.Integer(), T.Null()], { description: 'one of three' }),
  object: T.Object({ a: T.String(), b: T.Optional(T.Integer({ minimum: 3 })), c: T.Union([T.Null(), T.Boolean()]) }),
  open: T.Object({ a: T.Optional(T.String()) }, { description: 'all of it may be missing' }),
  empty: T.Object({}),
  list: T.Array(T.String({ maxLength: 1 })),
  few: T.Array(T.String(), { maxItems: 1 }),
  nested: T.Object({ in: T.Object({ a: T.Literal(true) }), or: T.Optional(T.Object({ a: T.Null() })) }),
});
const ours = shapes(Type);
const theirs = shapes(TypeBox);
const names = Object.keys(ours) as (keyof typeof ours)[];

test.each(names)('%s is the schema that TypeBox makes', (name) => {
  expect(JSON.stringify(ours[name])).toBe(JSON.stringify(theirs[name]));
});

test('so are the shapes that are only served, never checked here', () => {
  const served = (T: typeof Type) => [
    T.Array(T.String(), { maxItems: 3, description: 'texts' }),
    T.Record(T.String(), T.Union([T.String(), T.Number()])),
    T.Intersect([T.Object({ a: T.Null() }), T.Object({ b: T.Null() })]),
    T.Unsafe<string>({ type: 'object', additionalProperties: true }),
    T.Object({ a: T.Optional(T.Array(T.Integer())) }, { additionalProperties: false }),
  ];
  expect(JSON.stringify(served(Type))).toBe(JSON.stringify(served(TypeBox)));
  const optional = Type.Optional(Type.String());
  expect(JSON.stringify(optional), 'the mark is no keyword').toBe('{"type":"string"}');
});

test('a value is of a shape where TypeBox says so', () => {
  const leaf = fc.oneof(
    fc.constantFrom('', 'a', 'word', '𝕏𝕏', '0-f', 'a longer one', null, true, false, 0, 1, 3, 7, 8, -1, 1.5),
    fc.string({ maxLength: 3 }),
    fc.integer(),
  );
  const member = fc.constantFrom('a', 'b', 'c', 'in', 'or');
  const value = fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 2 }),
    fc.dictionary(member, fc.oneof(leaf, fc.dictionary(member, leaf))),
  );
  const property = fc.property(fc.constantFrom(...names), value, (name, one) => {
    expect(isOf(ours[name], one), name).toBe(Value.Check(theirs[name], one));
  });
  fc.assert(property, { numRuns: 3_000 });
});

test('a shape that says more than is looked at here is no shape to check by', () => {
  expect(() => isOf(Type.Array(Type.String(), { minItems: 3 }), [])).toThrow('"minItems"');
  expect(() => isOf(Type.Object({ a: Type.Integer({ multipleOf: 2 }) }), { a: 2 })).toThrow('"multipleOf"');
});
