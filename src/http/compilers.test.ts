import { expect, test } from 'vitest';
import { Type } from '../platform/schema.ts';
import { buildSerializer, buildValidator } from './compilers.ts';
import { ajvOptions } from './register.ts';

const route = { method: 'POST', url: '/things', httpPart: 'body', httpStatus: '200' };
/** No compiler takes it. */
const broken = { type: 'no such type' };

test('nothing is compiled before it is needed', () => {
  const validate = buildValidator({}, ajvOptions)({ ...route, schema: broken } as never);
  expect(() => validate({})).toThrow('schema is invalid');
  const serialize = buildSerializer({}, {})({ ...route, schema: { type: 'object', properties: { a: broken } } });
  expect(() => serialize({ a: 1 })).toThrow('schema is invalid');
});

test('a validator says each time what is wrong, and nothing when nothing is', () => {
  const validate = buildValidator({}, ajvOptions)({ ...route, schema: Type.Object({ a: Type.Integer() }) } as never);
  expect(validate({ a: 1 })).toBe(true);
  expect(validate({ a: 'one' })).toBe(false);
  expect(validate.errors).toEqual([expect.objectContaining({ instancePath: '/a' })]);
  expect([validate({ a: 2 }), validate.errors]).toEqual([true, null]);
});

test('a serializer lets only what was named out', () => {
  const serialize = buildSerializer({}, {})({ ...route, schema: Type.Object({ a: Type.Integer() }) });
  expect(serialize({ a: 1, secret: 'x' })).toBe('{"a":1}');
  expect(serialize({ a: 2 })).toBe('{"a":2}');
});
