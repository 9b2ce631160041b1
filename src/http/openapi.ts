/**
 * Owns the OpenAPI 3.1 document, which is worked out from the contracts and from nothing else.
 * The composition root calls it with every contract it serves.
 */
import { type TSchema, Type } from '../platform/schema.ts';
import type { AccessLevel } from './caller.ts';
import { type Contract, implement, type RouteContract, type Routes } from './contract.ts';
import { problemType } from './problem.ts';

type Json = { [key: string]: unknown };
export type OpenApiDocument = Readonly<{
  openapi: '3.1.0';
  info: Readonly<{ title: string; version: string; description: string }>;
  paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  components: Json;
}>;

export const openApiContract = {
  openApi: {
    method: 'GET',
    path: '/api/openapi.json',
    access: 'public',
    summary: 'This document',
    status: 200,
    reply: Type.Unsafe<OpenApiDocument>({ type: 'object', additionalProperties: true }),
  },
} as const satisfies Contract;

/** Serves the document of `routes` and of itself. */
export function openApiRoutes(routes: readonly Routes[], version: string): Routes {
  const document = openApiDocument([...routes.map(({ contract }) => contract), openApiContract], version);
  return implement(openApiContract, { openApi: async () => document });
}

/** The document of all `contracts`; `x-access` names each route's access level. */
export function openApiDocument(contracts: readonly Contract[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const contract of contracts) {
    for (const [name, route] of Object.entries(contract)) {
      const path = route.path.replace(/:([A-Za-z0-9_]+)/g, '{$1}');
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Nightjar', version, description: 'The box that backs up the phones of a house.' },
    paths,
    components: {
      securitySchemes: {
        phone: { type: 'http', scheme: 'bearer', description: 'the token that pairing gives' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-nightjar', description: 'set by signing in' },
      },
      schemas: { Problem: problemSchema },
    },
  };
}

/** RFC 9457; further members depend on the code. */
const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'a sentence for a person' },
    code: { type: 'string', description: 'stable and machine-readable' },
  },
  additionalProperties: true,
};

const security: { readonly [Level in AccessLevel]: Json[] } = {
  public: [],
  halfway: [{ session: [] }],
  phone: [{ phone: [] }],
  // Other people's protocols: no part of the document.
  app: [],
  'phone-or-person': [{ phone: [] }, { session: [] }],
  'signed-in': [{ session: [] }],
  person: [{ session: [] }],
  owner: [{ session: [] }],
  // No credential: whoever can open the unix socket.
  console: [],
};

function operation(name: string, route: RouteContract): Json {
  const { reply, replyType = 'application/json' } = route;
  const content = reply === undefined ? {} : { content: { [replyType]: { schema: reply } } };
  return {
    operationId: name,
    summary: route.summary,
    security: security[route.access],
    'x-access': route.access,
    parameters: [...parameters('path', route.params), ...parameters('query', route.query)],
    ...requestBody(route),
    responses: {
      [route.status]: { description: 'Done', ...content },
      default: {
        description: 'A problem',
        content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function requestBody({ method, body, raw }: RouteContract): Json {
  if (body !== undefined) return { requestBody: { required: true, content: { 'application/json': { schema: body } } } };
  const takesBytes = raw === true && ['POST', 'PUT', 'PATCH'].includes(method);
  return takesBytes ? { requestBody: { content: { 'application/octet-stream': {} } } } : {};
}

function parameters(place: 'path' | 'query', schema: TSchema | undefined): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: one,
  }));
}
