/**
 * The shape of the WebDAV doors' routes and of their refusals: the same sentences as everywhere, in the XML that apps
 * read and show to their person.
 */
import type { FastifyReply } from 'fastify';
import type { RouteContract, RouteInput, Routes } from '../http/contract.ts';
import { toProblem } from '../http/problem.ts';
import { CodedError, type ErrorCode } from '../platform/errors.ts';
import type { TSchema } from '../platform/schema.ts';
import { errorXml, xmlType } from './multistatus.ts';

type AppRoute = RouteContract & Readonly<{ access: 'app'; raw: true }>;
export type AppInput = RouteInput<AppRoute>;
export type Verb = (input: AppInput, reply: FastifyReply) => Promise<void>;
export type Verbs = Readonly<Partial<Record<RouteContract['method'], Verb>>>;

/** What WebDAV's clients know no other word for: the request is at fault, and sending it again will not help. */
const refusedBodies: ReadonlySet<ErrorCode> = new Set(['checksum-mismatch', 'length-mismatch', 'empty-picture']);

/** The same verbs at each of `paths`. `name` begins the routes' names. */
export function verbRoutes(name: string, paths: readonly string[], verbs: Verbs, params?: TSchema): Routes {
  const contract: Record<string, AppRoute> = {};
  const handlers: Record<string, Verb> = {};
  for (const [index, path] of paths.entries()) {
    for (const [method, verb] of Object.entries(verbs)) {
      const key = `${name}${index}${method}`;
      contract[key] = {
        method: method as RouteContract['method'],
        path,
        access: 'app',
        summary: `WebDAV ${method} (RFC 4918) on ${name} of the phone's view`,
        status: 200,
        raw: true,
        ...(params === undefined || !path.includes(':') ? {} : { params }),
      };
      handlers[key] = async (input, reply) => {
        try {
          await verb(input, reply);
        } catch (error) {
          refuse(error, reply);
        }
      };
    }
  }
  return { contract, handlers };
}

/** Answers with what went wrong. An error of the box is for the server to log; it also knows how a 401 asks. */
function refuse(error: unknown, reply: FastifyReply): void {
  const { status, headers, body } = toProblem(asDav(error));
  if (reply.sent || body.code === 'internal' || status === 401) throw error;
  reply
    .code(status)
    .headers({ ...headers, 'content-type': xmlType })
    .send(Buffer.from(errorXml(`Nightjar\\${body.code}`, body.detail)));
}

function asDav(error: unknown): unknown {
  if (!(error instanceof CodedError)) return error;
  const { code, message } = error;
  if (refusedBodies.has(code)) return new CodedError('invalid-request', message);
  return code === 'upload-gone' ? new CodedError('not-found', message) : error;
}
