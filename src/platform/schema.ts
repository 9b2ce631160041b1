/**
 * Builds JSON Schema as TypeBox does and with TypeBox's types, without loading TypeBox: its 700 modules hold 11 MB, and
 * another 6 for `typebox/value`, of a box that may take 90. Knows what the contracts use and nothing else.
 * Whoever describes a shape may call it; nothing else of the daemon imports `typebox`.
 */
import type { Static, TSchema, Type as TypeBox } from 'typebox';

export type { Static, TSchema } from 'typebox';

type Schema = Record<string, unknown>;
type Used =
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Intersect'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unsafe';

/** Only a mark for `Object`: whether a member may be missing is said by its `required`. */
const optional = Symbol('optional');

const builders = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: (options?: Schema) => ({ type: 'boolean', ...options }),
  Integer: (options?: Schema) => ({ type: 'integer', ...options }),
  Intersect: (allOf: Schema[], options?: Schema) => ({ allOf, ...options }),
  Literal: (value: unknown, options?: Schema) => ({ type: typeof value, const: value, ...options }),
  Null: (options?: Schema) => ({ type: 'null', ...options }),
  Number: (options?: Schema) => ({ type: 'number', ...options }),
  Object: (properties: Record<string, Schema>, options?: Schema) => {
    const required = Object.keys(properties).filter((name) => !(optional in (properties[name] ?? {})));
    return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options };
  },
  Optional: (schema: Schema) => Object.defineProperty({ ...schema }, optional, { value: true }),
  /** Keys are text: `key` is a `Type.String()`. */
  Record: (_key: Schema, value: Schema, options?: Schema) => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: (options?: Schema) => ({ type: 'string', ...options }),
  Union: (anyOf: Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unsafe: (schema: Schema) => ({ ...schema }),
} satisfies Record<Used, unknown>;

export const Type = builders as unknown as Pick<typeof TypeBox, Used>;

/**
 * Whether `value` is of the shape, for files of the box itself; what comes by HTTP is checked by the server.
 * @throws {Error} for a shape with a keyword that is not looked at here
 */
export function isOf<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return follows(schema as unknown as Schema, value);
}

function follows(schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, wanted]) => {
    const check = keywords[keyword];
    if (check === undefined) throw new Error(`The keyword "${keyword}" is not known here.`);
    return check(wanted, value);
  });
}

/** As JSON Schema 2020-12 has them: a keyword says nothing of values of other types. */
const keywords: Readonly<Record<string, (wanted: unknown, value: unknown) => boolean>> = {
  description: () => true,
  type: (wanted, value) => wanted === typeOf(value) || (wanted === 'number' && typeof value === 'number'),
  const: (wanted, value) => wanted === value,
  anyOf: (wanted, value) => (wanted as Schema[]).some((one) => follows(one, value)),
  required: (wanted, value) => !isObject(value) || (wanted as string[]).every((name) => Object.hasOwn(value, name)),
  properties: (wanted, value) =>
    !isObject(value) ||
    Object.entries(wanted as Record<string, Schema>).every(
      ([name, one]) => !Object.hasOwn(value, name) || follows(one, value[name]),
    ),
  pattern: (wanted, value) => typeof value !== 'string' || new RegExp(String(wanted), 'u').test(value),
  items: (wanted, value) => !Array.isArray(value) || value.every((item) => follows(wanted as Schema, item)),
  maxItems: (wanted, value) => !Array.isArray(value) || value.length <= Number(wanted),
  minLength: (wanted, value) => typeof value !== 'string' || [...value].length >= Number(wanted),
  maxLength: (wanted, value) => typeof value !== 'string' || [...value].length <= Number(wanted),
  minimum: (wanted, value) => typeof value !== 'number' || value >= Number(wanted),
  maximum: (wanted, value) => typeof value !== 'number' || value <= Number(wanted),
};

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function isObject(value: unknown): value is Schema {
  return typeOf(value) === 'object';
}
