/**
 * Owns how pages ask the box: typed by the contracts, JSON both ways, one form of refusal.
 * Never keeps an answer, and brings no contract into the bundle: of them there are only types here.
 */
import type { Static, TSchema } from 'typebox';
import type { api } from '../../../src/api.ts';

type Api = typeof api;
type KeyOf<R> = R extends { method: infer M extends string; path: infer P extends string } ? `${M} ${P}` : never;
/** `GET /api/phones/:id` and the like: every route that the box has. */
export type RouteKey = KeyOf<Api[keyof Api]>;
type RouteOf<K extends RouteKey> = {
  [Name in keyof Api]: KeyOf<Api[Name]> extends K ? Api[Name] : never;
}[keyof Api];
type Part<R, Name extends string> = R extends { readonly [N in Name]: infer S extends TSchema } ? Static<S> : undefined;
export type ReplyOf<K extends RouteKey> = Part<RouteOf<K>, 'reply'>;
type Given<R, Name extends string> =
  Part<R, Name> extends undefined
    ? { [N in Name]?: undefined }
    : Record<string, never> extends Part<R, Name>
      ? { [N in Name]?: Part<R, Name> }
      : { [N in Name]: Part<R, Name> };
type Input<K extends RouteKey> = Given<RouteOf<K>, 'params'> &
  Given<RouteOf<K>, 'query'> &
  Given<RouteOf<K>, 'body'> & {
    /** The phone's bearer token; without one the browser's session asks. */
    token?: string | undefined;
    /** How long the box may hold its answer. */
    waitMs?: number;
    signal?: AbortSignal;
  };
type Optional<T> = Record<string, never> extends T ? [input?: T] : [input: T];

const answerMsMax = 20_000;

/** What the box refused (its problem document, RFC 9457), or `silent` when it did not answer. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  /** Further facts of the problem document. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** In how many seconds to ask again, where the box says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, detail: string, status = 0, facts: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.code = code;
    this.status = status;
    this.facts = facts;
    this.retryAfterSeconds = Number(facts['retryAfter']) || undefined;
  }
}

/** What to add to this device's clock to get the box's: either may be wrong. */
let clockOffsetMs = 0;

/** The box's time, as its last answer told it (ms since 1970). */
export function boxNow(): number {
  return Date.now() + clockOffsetMs;
}

/** Called when the box says that nobody is signed in any more, or that the page was locked. */
let onSignedOut: ((code: 'unauthenticated' | 'locked' | 'sign-in-incomplete') => void) | undefined;
export function whenSignedOut(call: typeof onSignedOut): void {
  onSignedOut = call;
}

/** @throws {Refusal} */
export async function ask<K extends RouteKey>(route: K, ...[given]: Optional<Input<K>>): Promise<ReplyOf<K>> {
  const input = (given ?? {}) as {
    params?: Record<string, string | number>;
    query?: Record<string, string | number | boolean | undefined>;
    body?: unknown;
    token?: string;
    waitMs?: number;
    signal?: AbortSignal;
  };
  const [method = 'GET', pattern = '/'] = route.split(' ');
  const reply = await send(method, address(pattern, input), input);
  const boxTime = Date.parse(reply.headers.get('date') ?? '');
  if (!Number.isNaN(boxTime)) clockOffsetMs = boxTime - Date.now();
  const answer: unknown = reply.status === 204 ? undefined : await reply.json().catch(() => ({}));
  if (reply.ok) return answer as ReplyOf<K>;
  throw refusalOf(reply, answer as Record<string, unknown>, input.token);
}

/** The path of a route with its parameters and its query. */
export function address(
  pattern: string,
  { params = {}, query = {} }: { params?: Record<string, string | number>; query?: Record<string, unknown> },
): string {
  const path = pattern.replace(/:([a-zA-Z]+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const asked = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return asked.length === 0 ? path : `${path}?${new URLSearchParams(asked)}`;
}

async function send(
  method: string,
  path: string,
  { body, token, waitMs = 0, signal }: { body?: unknown; token?: string; waitMs?: number; signal?: AbortSignal },
): Promise<Response> {
  const limit = AbortSignal.timeout(answerMsMax + waitMs);
  try {
    return await fetch(path, {
      method,
      cache: 'no-store',
      credentials: token === undefined ? 'same-origin' : 'omit',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Refusal('silent', 'The box does not answer. Is this device on the home network? Try again.');
  }
}

function refusalOf(reply: Response, answer: Record<string, unknown>, token: string | undefined): Refusal {
  const code = String(answer['code'] ?? 'internal');
  const detail = String(answer['detail'] ?? `The box answered with status ${reply.status}.`);
  const retryAfter = reply.headers.get('retry-after');
  const facts = retryAfter === null ? answer : { ...answer, retryAfter };
  if (token === undefined && (code === 'unauthenticated' || code === 'locked' || code === 'sign-in-incomplete')) {
    onSignedOut?.(code);
  }
  return new Refusal(code, detail, reply.status, facts);
}
