/**
 * The routes that a box in this process really has, as they were registered with its server; and values that fit their
 * schemas. From these the matrix is made, so that a new route is in it without anyone writing it in.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { AccessLevel } from '../../src/http/caller.ts';

export type Schema = Readonly<{
  type?: string;
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  items?: Schema;
  anyOf?: readonly Schema[];
  allOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
}>;
export type Route = Readonly<{
  method: string;
  path: string;
  access: AccessLevel;
  params: Schema | undefined;
  query: Schema | undefined;
  body: Schema | undefined;
}>;

const channel = 'fastify.initialization';

/** Runs `start`, and returns every route that servers made meanwhile were given, in order. */
export async function routesOf(start: () => Promise<void>): Promise<Route[]> {
  const routes: Route[] = [];
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: { addHook(name: 'onRoute', hook: (route: Registered) => void): void } };
    fastify.addHook('onRoute', ({ method, url, config, schema }) => {
      for (const one of [method].flat()) {
        // What declares no level would be served to everybody.
        if (config?.access === undefined) throw new Error(`${one} ${url} declares no access level.`);
        const { params, querystring: query, body } = schema ?? {};
        routes.push({ method: one, path: url, access: config.access, params, query, body });
      }
    });
  };
  subscribe(channel, listen);
  try {
    await start();
  } finally {
    unsubscribe(channel, listen);
  }
  return routes;
}

type Registered = Readonly<{
  method: string | string[];
  url: string;
  config?: { access?: AccessLevel };
  schema?: { params?: Schema; querystring?: Schema; body?: Schema };
}>;

/** Texts that fit the patterns of contracts; of things that do not exist. */
const texts = [
  'nobody-has-this',
  '00000000-0000-4000-8000-00000000ffff',
  'f'.repeat(32),
  'f'.repeat(64),
  '999999',
  '2025-01',
  '2025-01-01',
];

/** A value that fits, as small as may be, of what does not exist. @throws when none is known: add one to `texts`. */
export function valueFor(schema: Schema): unknown {
  if ('const' in schema) return schema.const;
  if (schema.anyOf !== undefined) return valueFor(schema.anyOf[0] ?? {});
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map(valueFor));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return Math.min(schema.maximum ?? 999_999_999, 999_999_999);
    case 'boolean':
      return false;
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => valueFor(schema.items ?? {}));
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, valueFor(schema.properties?.[name] ?? {})]),
      );
    case 'string': {
      const fits = (text: string) =>
        text.length >= (schema.minLength ?? 0) &&
        text.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY) &&
        new RegExp(schema.pattern ?? '').test(text);
      const found = texts.find(fits);
      if (found !== undefined) return found;
    }
  }
  throw new Error(`No value is known for ${JSON.stringify(schema)}.`);
}

/** The path with its parameters filled in: from `values`, else from the schema. */
export function pathOf(route: Route, values: Readonly<Record<string, string>> = {}): string {
  return route.path.replace(/:(\w+)/g, (_, name: string) => {
    const schema = route.params?.properties?.[name];
    if (values[name] === undefined && schema === undefined) throw new Error(`${route.path}: what is ${name}?`);
    return encodeURIComponent(values[name] ?? String(valueFor(schema ?? {})));
  });
}

export function nameOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method} ${path}`;
}
