/** The OpenAPI document of a running box, held against the contracts and the JSON Schema of its dialect. */
import { createRequire } from 'node:module';
import { AjvCompiler } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from '../../src/api.ts';
import type { RouteContract } from '../../src/http/contract.ts';
import { ajvOptions } from '../../src/http/register.ts';
import { App } from '../support/app.ts';

type Json = { [key: string]: unknown };
type Operation = {
  operationId: string;
  summary: string;
  'x-access': string;
  security: Json[];
  parameters: Array<{ name: string; in: string; required: boolean; schema: Json }>;
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  requestBody?: { content: Record<string, { schema?: Json }> };
};
const levels = ['public', 'halfway', 'phone', 'phone-or-person', 'signed-in', 'person', 'owner', 'console'];
type Document = { openapi: string; paths: Record<string, Record<string, Operation>>; components: Json };

// The validator that Fastify brings; the box itself needs no second one.
const require = createRequire(import.meta.resolve('fastify'));
const { default: Ajv2020 } = require('ajv/dist/2020.js') as {
  default: new (options: object) => { validateSchema(schema: object): boolean; errorsText(): string };
};

describe('the OpenAPI document', () => {
  let app: App;
  let document: Document;
  beforeAll(async () => {
    app = await App.start();
    document = (await app.ask('GET', '/api/openapi.json')).json() as unknown as Document;
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  it('lists each route of every contract, and no other', () => {
    expect(document.openapi).toBe('3.1.0');
    const wanted = Object.entries(api).map(
      ([name, { method, path }]) => `${name}: ${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    const found = operations().map(
      ({ path, method, operation }) => `${operation.operationId}: ${method.toUpperCase()} ${path}`,
    );
    expect(found.sort()).toEqual([...wanted, 'openApi: GET /api/openapi.json'].sort());
  });

  it('says for each route who may use it, and what it answers', () => {
    for (const { path, operation } of operations()) {
      expect(levels, path).toContain(operation['x-access']);
      // Whoever is at the console needs no credential either, and nobody else gets there.
      expect(operation.security.length === 0, path).toBe(['public', 'console'].includes(operation['x-access']));
      expect(operation.summary.length, path).toBeGreaterThan(5);
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.filter((status) => /^2\d\d$/.test(status)),
        path,
      ).toHaveLength(1);
      expect(operation.responses['default']?.content?.['application/problem+json']?.schema).toEqual({
        $ref: '#/components/schemas/Problem',
      });
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const told = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      expect(told, path).toEqual(inPath);
    }
  });

  it('holds only schemas that are valid in the dialect of OpenAPI 3.1', () => {
    const schemas: Array<[string, Json]> = [];
    for (const { path, method, operation } of operations()) {
      const where = `${method} ${path}`;
      for (const one of operation.parameters) schemas.push([`${where} ${one.name}`, one.schema]);
      const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
        Object.values(part?.content ?? {}),
      );
      for (const { schema } of contents) if (schema !== undefined) schemas.push([where, schema]);
    }
    for (const [name, schema] of Object.entries((document.components['schemas'] ?? {}) as Record<string, Json>)) {
      schemas.push([name, schema]);
    }
    expect(schemas.length).toBeGreaterThan(30);
    const ajv = new Ajv2020({ strict: false });
    for (const [where, schema] of schemas)
      expect(ajv.validateSchema(schema), `${where}: ${ajv.errorsText()}`).toBe(true);
    // The check itself can fail.
    expect(ajv.validateSchema({ type: 'text' })).toBe(false);
  });

  it('comes from contracts that all compile: the box finds out only when a route is first asked', () => {
    const validators = AjvCompiler()({}, ajvOptions);
    const serializers = SerializerSelector()({}, {});
    const route = { method: 'GET', url: '/', httpStatus: '200' };
    for (const [name, one] of Object.entries<RouteContract>(api)) {
      const { params, query, body, reply, raw } = one;
      for (const schema of [params, query, body].filter((part) => part !== undefined))
        expect(() => validators({ ...route, schema } as never), name).not.toThrow();
      if (reply !== undefined && raw !== true)
        expect(() => serializers({ ...route, schema: reply }), name).not.toThrow();
    }
  });

  it('points only to what is there', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of new Set(refs)) {
      expect(ref).toMatch(/^#\//);
      const found = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((at, step) => (at as Json | undefined)?.[step], document);
      expect(found, ref).toBeTypeOf('object');
    }
    const schemes = Object.keys((document.components['securitySchemes'] ?? {}) as Json);
    for (const { operation } of operations()) {
      for (const one of operation.security) expect(schemes).toEqual(expect.arrayContaining(Object.keys(one)));
    }
  });
});
