import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from '../platform/schema.ts';
import type { AccessCallers, AccessLevel } from './caller.ts';

/** RFC 4918, section 9. */
export const webDavMethods = ['PROPFIND', 'MKCOL', 'MOVE', 'COPY'] as const;
type WebDavMethod = (typeof webDavMethods)[number];

/**
 * One description of every request. From it come the validation, the OpenAPI document, the types of the handlers and
 * of the clients. A route without an access level, a missing handler or a reply of another shape does not compile.
 */
export type RouteContract = Readonly<{
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | WebDavMethod;
  /** Fastify's form: `/api/things/:id`; a last part `*` stands for whatever comes below. */
  path: string;
  access: AccessLevel;
  summary: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  bodyBytesMax?: number;
  /** The status of success, and the shape of its JSON body. */
  status: number;
  reply?: TSchema;
  /** The media type of that body, where it is no JSON document. */
  replyType?: string;
  /**
   * The handler reads the request or writes the reply itself (streams, pages). Its status and reply are then only
   * documentation; access, host and origin are checked as for every other route.
   */
  raw?: true;
}>;
export type Contract = Readonly<Record<string, RouteContract>>;

type StaticOr<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise;
export type RouteInput<R extends RouteContract> = Readonly<{
  caller: AccessCallers[R['access']];
  params: StaticOr<R['params'], Record<string, never>>;
  query: StaticOr<R['query'], Record<string, never>>;
  body: StaticOr<R['body'], undefined>;
  request: FastifyRequest;
}>;
type RouteReply<R extends RouteContract> = StaticOr<R['reply'], void>;

type RouteHandler<R extends RouteContract> = R extends { raw: true }
  ? (input: RouteInput<R>, reply: FastifyReply) => Promise<void>
  : (input: RouteInput<R>, reply: FastifyReply) => Promise<RouteReply<R>>;
export type Handlers<C extends Contract> = { readonly [K in keyof C]: RouteHandler<C[K]> };

/** A contract with all its handlers: what a room's `routes.ts` gives to the composition root. */
export type Routes = Readonly<{ contract: Contract; handlers: Readonly<Record<string, unknown>> }>;

/** Binds a contract to its handlers; does not compile while one is missing or replies another shape. */
export function implement<const C extends Contract>(contract: C, handlers: Handlers<C>): Routes {
  return { contract, handlers };
}
