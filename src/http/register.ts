/**
 * Owns the way from a contract to a route of the server: validation, access, the handler's input, its reply.
 * Never decides who is asking: that is the `identify` it is given.
 * Only the server calls it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { CodedError } from '../platform/errors.ts';
import type { TSchema } from '../platform/schema.ts';
import { admits, type Caller } from './caller.ts';
import type { RouteContract, RouteInput, Routes } from './contract.ts';

const bodyBytesMax = 1024 * 1024;

export type RegisterOptions = Readonly<{
  identify(request: FastifyRequest): Caller;
  /** A body that is read whole must have come within this time. */
  bodyReadMs: number;
  /** Called with what a handler threw after it had begun to write the reply itself. */
  brokenReply(error: unknown, request: FastifyRequest, reply: FastifyReply): void;
  /** Told of each 403 and 404 to a caller who is known: what is not theirs. Never throws. */
  refused?(caller: Caller, status: number, route: string): void;
}>;

type Handler = (input: RouteInput<RouteContract>, reply: FastifyReply) => Promise<unknown>;
type Route = Readonly<{ contract: RouteContract; handler: Handler }>;

/** Ajv as the contracts need it: nothing removed, filled in or turned into another type without being said. */
export const ajvOptions = {
  customOptions: {
    removeAdditional: false,
    coerceTypes: false,
    useDefaults: false,
    allErrors: false,
    strictTypes: false,
    allowUnionTypes: true,
  },
} as const;

/**
 * Registers every route of `all`. Routes without a body schema get the request unread, whatever its content type:
 * uploads are read by their own door.
 * @throws {Error} when a contract has no handler or a path is taken twice.
 */
export async function registerRoutes(
  app: FastifyInstance,
  all: readonly Routes[],
  options: RegisterOptions,
): Promise<void> {
  const routes = all.flatMap(({ contract, handlers }) =>
    Object.entries(contract).map(([name, one]): Route => ({ contract: one, handler: handlerOf(handlers, name) })),
  );
  const callers = new WeakMap<FastifyRequest, Caller>();
  await app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain');
    for (const route of routes) if (route.contract.body !== undefined) addRoute(scope, route, callers, options);
  });
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    for (const route of routes) if (route.contract.body === undefined) addRoute(scope, route, callers, options);
  });
}

/** The methods that some contract has for this path, or none: then the path is unknown. */
export function methodsOf(all: readonly Routes[], path: string): string[] {
  const methods = new Set<string>();
  for (const { contract } of all) {
    for (const { method, path: pattern } of Object.values(contract)) {
      if (matches(pattern.split('/'), path.split('/'))) methods.add(method);
    }
  }
  return [...methods].sort();
}

function matches(pattern: string[], path: string[]): boolean {
  if (pattern.at(-1) === '*')
    return path.length >= pattern.length && matches(pattern.slice(0, -1), path.slice(0, pattern.length - 1));
  if (pattern.length !== path.length) return false;
  return pattern.every((step, index) => (step.startsWith(':') ? path[index] !== '' : step === path[index]));
}

function handlerOf(handlers: Routes['handlers'], name: string): Handler {
  const handler = handlers[name];
  if (typeof handler !== 'function') throw new Error(`The route "${name}" has no handler.`);
  return handler as Handler;
}

function addRoute(
  scope: FastifyInstance,
  { contract, handler }: Route,
  callers: WeakMap<FastifyRequest, Caller>,
  options: RegisterOptions,
): void {
  const onRequest: onRequestHookHandler = (request, _reply, done) => {
    const caller = options.identify(request);
    callers.set(request, caller);
    admitted(contract, caller);
    if (contract.body !== undefined) limitBodyTime(request, options.bodyReadMs);
    done();
  };
  scope.route({
    method: contract.method,
    url: contract.path,
    bodyLimit: contract.bodyBytesMax ?? bodyBytesMax,
    // For whoever lists the routes that there are, with who may use each.
    config: { access: contract.access },
    schema: schemaOf(contract),
    onRequest,
    onResponse: (request, { statusCode }, done) => {
      const caller = callers.get(request) ?? { kind: 'nobody' };
      // At its own door an app is told so all day: it asks for each name whether it is there before it sends it.
      const isUsual = contract.access === 'app' && caller.kind === 'app';
      if ((statusCode === 403 || statusCode === 404) && caller.kind !== 'nobody' && !isUsual) {
        options.refused?.(caller, statusCode, `${contract.method} ${contract.path}`);
      }
      done();
    },
    preValidation: (request, _reply, done) => {
      readText(contract.params, request.params);
      readText(contract.query, request.query);
      done();
    },
    handler: (request, reply) => {
      // A body may come as slowly as a minute: who has been thrown out meanwhile is not there any more.
      if (contract.body !== undefined) callers.set(request, admitted(contract, options.identify(request)));
      const input = inputOf(contract, request, callers.get(request));
      if (contract.raw === true) {
        // Nothing is returned: the handler ends the reply itself, at once or when its stream ends.
        handler(input, reply).catch((error: unknown) => options.brokenReply(error, request, reply));
        return;
      }
      reply.code(contract.status);
      handler(input, reply).then(
        (value) => reply.send(value),
        (error: unknown) => options.brokenReply(error, request, reply),
      );
    },
  });
}

function schemaOf(contract: RouteContract) {
  return {
    ...(contract.params === undefined ? {} : { params: contract.params }),
    ...(contract.query === undefined ? {} : { querystring: contract.query }),
    ...(contract.body === undefined ? {} : { body: contract.body }),
    // Only what the contract names leaves the box: a row with one member too many does not.
    ...(contract.reply === undefined || contract.raw === true
      ? {}
      : { response: { [contract.status]: contract.reply } }),
  };
}

function inputOf(
  contract: RouteContract,
  request: FastifyRequest,
  caller: Caller | undefined,
): RouteInput<RouteContract> {
  const input = {
    caller: caller ?? { kind: 'nobody' },
    params: contract.params === undefined ? {} : request.params,
    query: contract.query === undefined ? {} : request.query,
    body: contract.body === undefined ? undefined : request.body,
    request,
  };
  return input as RouteInput<RouteContract>;
}

/** @throws {CodedError} `unauthenticated`, `locked`, `sign-in-incomplete`; `forbidden` for somebody known who may not. */
function admitted(contract: RouteContract, caller: Caller): Caller {
  if (admits(contract.access, caller)) return caller;
  if (caller.kind === 'nobody') {
    throw new CodedError('unauthenticated', 'The box does not know who is asking. Sign in, or pair this phone again.');
  }
  if (caller.kind === 'halfway' && caller.stage === 'locked') {
    throw new CodedError('locked', 'This page was left alone for a while. Nothing was changed; unlock it first.');
  }
  if (caller.kind === 'halfway') {
    throw new CodedError('sign-in-incomplete', 'The sign-in is not finished. Finish it first; nothing was changed.', {
      facts: { stage: caller.stage },
    });
  }
  throw new CodedError('forbidden', 'This is not for you to do here. Nothing was changed.');
}

function limitBodyTime(request: FastifyRequest, bodyReadMs: number): void {
  const { raw } = request;
  if (raw.complete) return;
  const timer = setTimeout(() => raw.socket.destroy(), bodyReadMs);
  raw.once('end', () => clearTimeout(timer));
  raw.once('close', () => clearTimeout(timer));
}

/** Params and query are text: turns those that the contract calls numbers or booleans into them, in place. */
function readText(schema: TSchema | undefined, values: unknown): void {
  if (schema === undefined || typeof values !== 'object' || values === null) return;
  const properties = (schema as { properties?: Record<string, { type?: string }> }).properties ?? {};
  const texts = values as Record<string, unknown>;
  for (const [name, { type }] of Object.entries(properties)) {
    const text = texts[name];
    if (typeof text !== 'string') continue;
    if ((type === 'integer' || type === 'number') && /^-?\d{1,16}(\.\d{1,9})?$/.test(text)) texts[name] = Number(text);
    if (type === 'boolean' && (text === 'true' || text === 'false')) texts[name] = text === 'true';
  }
}
