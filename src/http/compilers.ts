/**
 * Owns the making of validators and serializers from schemas: each when it is first needed. Made at the start, those of
 * all routes held 8 MB, and most routes are asked on few days.
 * Never knows a route. Only the server calls it; that each contract can be compiled is for a test to show.
 */
import { AjvCompiler } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';

type ValidatorFactory = ReturnType<typeof AjvCompiler>;
type SerializerFactory = ReturnType<typeof SerializerSelector>;
type Validate = { (value: unknown): unknown; errors?: unknown };

const eagerValidators = AjvCompiler();
const eagerSerializers = SerializerSelector();

/** In Fastify's form: schemas by name, and options -> what makes the validator of one part of one route's requests. */
export const buildValidator: ValidatorFactory = (...given) => {
  const compile = eagerValidators(...given);
  return (part) => {
    let made: Validate | undefined;
    const validate: Validate = (value) => {
      made ??= compile(part) as Validate;
      const result = made(value);
      // Where Fastify looks for what was wrong.
      validate.errors = made.errors;
      return result;
    };
    return validate as ReturnType<typeof compile>;
  };
};

/** As `buildValidator`, for the replies. */
export const buildSerializer: SerializerFactory = (...given) => {
  const compile = eagerSerializers(...given);
  return (part) => {
    let made: ReturnType<typeof compile> | undefined;
    return (value) => {
      made ??= compile(part);
      return made(value);
    };
  };
};
