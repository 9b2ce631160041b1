import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, jsonBody } from '../../test/support/asking.ts';
import { CodedError } from '../platform/errors.ts';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import { type Contract, implement } from './contract.ts';
import { HttpServer } from './server.ts';

const Key = Type.Union([Type.Object({ secret: Type.String() }), Type.Object({ code: Type.String() })]);
const common = { access: 'public', summary: 'x', status: 200 } as const;
const contract = {
  echo: {
    ...common,
    method: 'POST',
    path: '/api/echo',
    status: 201,
    body: Type.Object({ person: Type.String({ minLength: 2 }), age: Type.Optional(Type.Integer()) }),
    reply: Type.Object({ person: Type.String(), extra: Type.Optional(Type.Boolean()) }),
  },
  combined: {
    ...common,
    method: 'POST',
    path: '/api/combined',
    body: Type.Intersect([Key, Type.Object({ client: Type.Optional(Type.String()) })]),
    reply: Type.Object({ got: Type.String() }),
  },
  wide: { ...common, method: 'POST', path: '/api/wide', body: Type.Object({ a: Type.String() }), bodyBytesMax: 3e6 },
  item: {
    ...common,
    method: 'GET',
    path: '/api/items/:id/:name',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }), name: Type.String() }),
    query: Type.Object({ limit: Type.Optional(Type.Integer({ maximum: 10 })), all: Type.Optional(Type.Boolean()) }),
    reply: Type.Object({ id: Type.Integer(), name: Type.String(), limit: Type.Union([Type.Integer(), Type.Null()]) }),
  },
  views: {
    ...common,
    method: 'GET',
    path: '/api/views',
    reply: Type.Object({
      answers: Type.Array(
        Type.Union([
          Type.Object({ answer: Type.Literal('have') }),
          Type.Object({ answer: Type.Literal('refused'), reason: Type.String() }),
        ]),
      ),
      pair: Type.Union([Type.String(), Type.Null()]),
    }),
  },
  nothing: { ...common, method: 'DELETE', path: '/api/nothing', status: 204 },
  create: { ...common, method: 'POST', path: '/api/uploads', raw: true },
  append: {
    ...common,
    method: 'PATCH',
    path: '/api/uploads/:id',
    params: Type.Object({ id: Type.String() }),
    raw: true,
  },
  locked: { ...common, method: 'PATCH', path: '/api/locked', access: 'phone', raw: true },
  fail: { ...common, method: 'GET', path: '/api/fail/:how', params: Type.Object({ how: Type.String() }), raw: true },
} as const satisfies Contract;

let server: HttpServer;
let port: number;
let logged: string[];

const routes = implement(contract, {
  echo: async ({ body }) => ({ person: body.person, extra: 'age' in body, tokenHash: 'never' }),
  combined: async ({ body }) => ({ got: 'secret' in body ? body.secret : body.code }),
  wide: async () => undefined,
  item: async ({ params, query }) => ({ ...params, limit: query.limit ?? null }),
  views: async () => ({
    answers: [{ answer: 'have' as const }, { answer: 'refused' as const, reason: 'x' }],
    pair: null,
  }),
  nothing: async () => undefined,
  create: async ({ request }, reply) => {
    reply.code(201).send({ received: await text(request.raw) });
  },
  append: async ({ request, params }, reply) => {
    reply.raw.writeHead(200, { 'x-id': params.id }).end(await text(request.raw));
  },
  locked: async () => undefined,
  fail: async ({ params }, reply) => {
    if (params.how === 'late') {
      reply.raw.writeHead(200, { 'content-length': 10 }).write('begun');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (params.how === 'hijacked') reply.hijack();
    if (params.how === 'coded') throw new CodedError('busy', 'Later.');
    throw new Error('SELECT secret');
  },
});

beforeEach(() => start({}));
afterEach(() => server.close());

async function start(limits: { bodyReadMs?: number }): Promise<void> {
  logged = [];
  server = new HttpServer({
    routes: [routes],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'info', destination: { write: (line: string) => logged.push(line) } }),
    loopbackHttp: true,
    ...limits,
  });
  port = await server.listenHttp(0);
}

const post = (path: string, value: unknown) => ask({ port, path, method: 'POST', ...jsonBody(value) });

test('a body that fits is handed on; only what the reply names goes out', async () => {
  const answer = await post('/api/echo', { person: 'alice', further: 1 });
  expect([answer.status, answer.json()]).toEqual([201, { person: 'alice', extra: false }]);
});

test.each([
  [{}, 'person', 'is missing'],
  [{ person: 'a' }, 'person', 'must NOT have fewer than 2 characters'],
  [{ person: 7 }, 'person', 'must be string'],
  [{ person: 'alice', age: '7' }, 'age', 'must be integer'],
  ['text', undefined, 'must be object'],
])('the body %o is refused with the field that is wrong', async (body, field, rule) => {
  const answer = await post('/api/echo', body);
  expect(answer.status).toBe(400);
  expect(answer.json()).toMatchObject({
    code: 'invalid-request',
    part: 'body',
    ...(field === undefined ? {} : { field }),
  });
  expect(answer.json().detail).toContain(rule);
});

test('unions and intersections of objects are validated', async () => {
  expect((await post('/api/combined', { secret: 's', client: 'c' })).json()).toEqual({ got: 's' });
  expect((await post('/api/combined', { code: 'c' })).json()).toEqual({ got: 'c' });
  expect((await post('/api/combined', { client: 'c' })).json().detail).toContain('none of the allowed forms');
  expect((await post('/api/combined', { code: 'c', client: 3 })).status).toBe(400);
  const views = await ask({ port, path: '/api/views' });
  expect(views.json()).toEqual({ answers: [{ answer: 'have' }, { answer: 'refused', reason: 'x' }], pair: null });
});

test('params and query become numbers and booleans; nothing else does', async () => {
  const get = async (path: string) => {
    const answer = await ask({ port, path });
    return answer.status === 200 ? answer.json() : answer.status;
  };
  expect(await get('/api/items/7/42?limit=5&all=true')).toEqual({ id: 7, name: '42', limit: 5 });
  expect(await get('/api/items/7/x')).toEqual({ id: 7, name: 'x', limit: null });
  for (const bad of ['/api/items/0/x', '/api/items/x/x', '/api/items/7/x?limit=11', '/api/items/7/x?limit=1&limit=2']) {
    expect(await get(bad)).toBe(400);
  }
  expect(await get('/api/items/7/x?all=maybe')).toBe(400);
  expect(await get('/api/items/0x7/x')).toBe(400);
});

test('only JSON is taken, in one piece, up to the limit of the route', async () => {
  const send = (body: string, contentType?: string) =>
    ask({ port, path: '/api/echo', method: 'POST', body, headers: contentType ? { 'content-type': contentType } : {} });
  expect((await send('{"person":', 'application/json')).json()).toMatchObject({ code: 'invalid-request', status: 400 });
  expect((await send('', 'application/json')).status).toBe(400);
  expect((await send('{"__proto__":{"a":1},"person":"alice"}', 'application/json')).status).toBe(400);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', undefined]) {
    expect((await send('{"person":"alice"}', type)).json()).toMatchObject({ code: 'unsupported-media-type' });
  }
  expect((await ask({ port, path: '/api/echo', method: 'POST' })).status).toBe(400);
  expect((await post('/api/echo', { person: 'a'.repeat(1024 * 1024) })).json()).toMatchObject({
    code: 'too-large',
    status: 413,
  });
  expect((await post('/api/wide', { a: 'a'.repeat(2_000_000) })).status).toBe(200);
  expect((await post('/api/wide', { a: 'a'.repeat(3_000_000) })).status).toBe(413);
});

test('an answer that comes before the end of the body does not close the connection under it', async () => {
  const agent = new Agent({ keepAlive: true });
  const body = 'x'.repeat(1_100_000);
  const headers = { 'content-type': 'application/json' };
  const answer = await ask({ port, path: '/api/echo', method: 'POST', body, headers, agent });
  expect(answer.status).toBe(413);
  expect(answer.headers.connection).not.toBe('close');
  agent.destroy();
});

test('204 has no body, and a body that nobody asked for does no harm', async () => {
  const answer = await ask({
    port,
    path: '/api/nothing',
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  });
  expect([answer.status, answer.text]).toEqual([204, '']);
  expect((await ask({ port, path: '/api/nothing', method: 'DELETE', ...jsonBody('x') })).status).toBe(204);
});

test('raw routes get the request unread, with any content type or none', async () => {
  const send = async (method: string, path: string, body: string | undefined, contentType?: string) => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    return ask({ port, path, method, headers, ...(body === undefined ? {} : { body }) });
  };
  expect((await send('POST', '/api/uploads', undefined)).json()).toEqual({ received: '' });
  expect((await send('POST', '/api/uploads', 'abc')).json()).toEqual({ received: 'abc' });
  expect((await send('POST', '/api/uploads', '{bad', 'application/json')).json()).toEqual({ received: '{bad' });
  const append = await send('PATCH', '/api/uploads/u1', 'bytes', 'application/offset+octet-stream');
  expect([append.status, append.text, append.headers['x-id']]).toEqual([200, 'bytes', 'u1']);
  expect(append.headers['x-content-type-options']).toBe('nosniff');
  const large = 'x'.repeat(5_000_000);
  expect((await send('PATCH', '/api/uploads/u1', large, 'application/offset+octet-stream')).text).toBe(large);
});

test('access is decided before the body comes, and the answer is not lost while the client still sends', async () => {
  const asked = httpRequest({
    port,
    host: '127.0.0.1',
    path: '/api/locked',
    method: 'PATCH',
    headers: { 'content-length': 1e9 },
  });
  asked.on('error', () => undefined);
  asked.write(Buffer.alloc(200_000));
  const status = await new Promise((resolve) => asked.on('response', (response) => resolve(response.statusCode)));
  expect(status).toBe(401);
  // The rest is not waited for.
  await new Promise((resolve) => asked.once('close', resolve));
});

test('a JSON body that does not come in time ends the connection', async () => {
  await server.close();
  await start({ bodyReadMs: 300 });
  const socket = connect(port, '127.0.0.1');
  const head =
    'POST /api/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{';
  const startedAt = performance.now();
  socket.on('error', () => undefined);
  socket.write(head);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(performance.now() - startedAt).toBeGreaterThan(250);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  // A client that goes away is no error of the box.
  await server.close();
  expect(logged.join('')).not.toContain('"level":"error"');
});

test('what a raw handler throws is answered, and tells nothing of the inside', async () => {
  for (const how of ['plain', 'hijacked']) {
    const answer = await ask({ port, path: `/api/fail/${how}` });
    expect([answer.status, answer.json().code]).toEqual([500, 'internal']);
    expect(answer.text).not.toContain('SELECT');
  }
  expect((await ask({ port, path: '/api/fail/coded' })).headers['retry-after']).toBe('5');
  await expect(ask({ port, path: '/api/fail/late' })).rejects.toThrow(/aborted|hang up/);
  const errors = logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
  expect(errors).toHaveLength(3);
  expect(errors[0].err.stack).toContain('register.test.ts');
});

test('a contract without its handler does not start', async () => {
  const broken = new HttpServer({
    routes: [{ contract, handlers: {} }],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
  await expect(broken.listenHttp(0)).rejects.toThrow('has no handler');
});
