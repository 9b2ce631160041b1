/**
 * Owns the one HTTP application behind all listeners (http, https, the console's unix socket), and its stopping.
 * Never decides what a request means or who is asking: rooms bring `Routes`, the composition root brings `identify`.
 * Only the composition root makes one; rooms may ask `transportOf`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { createServer } from '../platform/node-http.ts';
import type { Caller } from './caller.ts';
import { buildSerializer, buildValidator } from './compilers.ts';
import { type Routes, webDavMethods } from './contract.ts';
import {
  checkForwarding,
  checkHeaders,
  checkHost,
  checkOrigin,
  checkTarget,
  type Host,
  isProbe,
  markTransport,
  type PlainHttpAnswer,
  plainHttpAnswer,
  plainHttpPaths,
  transportOf,
} from './gate.ts';
import { type Door, Listener, type ListenerLimits, type SecureContexts } from './listeners.ts';
import { type Problem, toProblem } from './problem.ts';
import { ajvOptions, methodsOf, registerRoutes } from './register.ts';
import { securityHeaders } from './security-headers.ts';

export { transportOf } from './gate.ts';
export type { SecureContexts } from './listeners.ts';

export type HttpServerDeps = Readonly<{
  routes: readonly Routes[];
  /** Not asked on plain http, where everybody is nobody. */
  identify(request: FastifyRequest): Caller;
  /** Says whether a host name (lower case, no port) is the box's; addresses and `localhost` are not asked about. */
  allowHost(host: string): boolean;
  log: Logger;
  /** What each answer's `date` is by (RFC 9110, section 6.6.1). Default: the machine's clock. */
  now?: () => number;
  /** False: http from this machine itself is like http from anywhere. */
  loopbackHttp: boolean;
  /** The page (HTML, no secrets) at `/` on plain http, for the host that was asked. */
  welcome?(host: string, userAgent: string | undefined): { html: string; headers: Readonly<Record<string, string>> };
  /** How long requests may go on after `close`. Default 8 s, so that the whole stop stays under 10. */
  stopLimitMs?: number;
  /** How long a body that is read whole may take. Default 60 s. */
  bodyReadMs?: number;
  /** Told of each 403 and 404 to a caller who is known. Never throws. */
  refused?: (caller: Caller, status: number, route: string) => void;
  /** Told from where the probe is loaded over https: whoever is there trusts the box by now. Never throws. */
  probed?: (address: string) => void;
  /** Of connections, where others than the box's own are wanted. */
  limits?: Partial<ListenerLimits>;
}>;

export class HttpServer {
  readonly #deps: HttpServerDeps;
  readonly #stopping = new AbortController();
  #app: Promise<FastifyInstance> | undefined;
  #listeners: Listener[] = [];
  #closed: Promise<void> | undefined;
  #httpsPort: number | undefined;

  constructor(deps: HttpServerDeps) {
    this.#deps = deps;
  }

  /** Aborted when `close` begins: long work stops at a safe place and answers 503 `stopping`. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Resolves with the port. `host` default: all addresses, IPv6 and IPv4. Port 0: any free one. */
  async listenHttp(door: Door, host?: string): Promise<number> {
    return this.#open(new Listener(await this.#handler('http'), undefined, this.#deps.limits), (listener) =>
      listener.listenPort(door, host),
    );
  }

  /** As `listenHttp`; from then on plain http sends people to this port. */
  async listenHttps(door: Door, contexts: SecureContexts, host?: string): Promise<number> {
    const listener = new Listener(await this.#handler('https'), contexts, this.#deps.limits);
    this.#httpsPort = await this.#open(listener, (one) => one.listenPort(door, host));
    return this.#httpsPort;
  }

  /** Listens on a unix socket (mode 0600), removing one that nobody listens on any more. */
  async listenConsole(path: string): Promise<void> {
    await this.#open(new Listener(await this.#handler('console')), (listener) => listener.listenPath(path));
  }

  /** Lets new connections have the certificates that `contexts` has now. */
  refreshTls(): void {
    for (const listener of this.#listeners) listener.refreshTls();
  }

  /** Stops accepting, lets requests finish with `connection: close`, ends what is left at the limit. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    const limitMs = this.#deps.stopLimitMs ?? 8_000;
    await Promise.all(this.#listeners.map((listener) => listener.close(limitMs)));
    await (await this.#app)?.close();
  }

  async #open<T>(listener: Listener, listen: (listener: Listener) => Promise<T>): Promise<T> {
    const result = await listen(listener);
    this.#listeners.push(listener);
    return result;
  }

  async #handler(name: 'http' | 'https' | 'console') {
    this.#app ??= this.#build();
    const app = await this.#app;
    return (request: IncomingMessage, response: ServerResponse): void => {
      markTransport(request, name, this.#deps.loopbackHttp);
      for (const [header, value] of Object.entries(securityHeaders)) response.setHeader(header, value);
      // Pages show times by it: a box that was told the time knows it better than its machine.
      if (this.#deps.now !== undefined) response.setHeader('date', new Date(this.#deps.now()).toUTCString());
      app.routing(request, response);
    };
  }

  async #build(): Promise<FastifyInstance> {
    const app: FastifyInstance = fastify({
      // Never listens itself: every listener hands its requests to `routing`.
      serverFactory: (handler) => createServer(handler),
      logger: false,
      exposeHeadRoutes: false,
      ajv: ajvOptions,
      schemaController: { compilersFactory: { buildValidator, buildSerializer } },
      routerOptions: { maxParamLength: 1024 },
      frameworkErrors: (error, request, reply) => this.#answerError(error, request, reply),
    });
    // Their bodies, where they have one, are read by their own door.
    for (const method of webDavMethods) app.addHttpMethod(method);
    app.addHook('onRequest', (request, reply, done) => {
      if (this.#gate(request, reply)) done();
    });
    app.addHook('onResponse', (request, reply, done) => {
      this.#logAnswer(request, reply);
      done();
    });
    app.setErrorHandler((error: FastifyError, request, reply) => this.#answerError(error, request, reply));
    app.setNotFoundHandler((request, reply) => this.#answerUnknown(request, reply));
    await registerRoutes(app, this.#deps.routes, {
      identify: (request) => (transportOf(request) === 'http' ? { kind: 'nobody' } : this.#deps.identify(request)),
      bodyReadMs: this.#deps.bodyReadMs ?? 60_000,
      brokenReply: (error, request, reply) => this.#answerBroken(error, request, reply),
      ...(this.#deps.refused !== undefined && { refused: this.#deps.refused }),
    });
    await app.ready();
    return app;
  }

  /** Runs before a route is asked who may use it. False: the request has its answer. */
  #gate(request: FastifyRequest, reply: FastifyReply): boolean {
    const { raw } = request;
    const url = raw.url ?? '';
    if (this.#stopping.signal.aborted) throw new CodedError('stopping', 'The box is stopping. Try again in a moment.');
    checkTarget(url);
    checkHeaders(raw);
    const transport = transportOf(request);
    if (transport === 'console') return true;
    if (transport === 'loopback-http') checkForwarding(raw.headers);
    const host = checkHost(raw.headers.host, this.#deps.allowHost);
    if (transport === 'http') return this.#gatePlainHttp(request, reply, host);
    const asked = { method: request.method, url, headers: raw.headers };
    checkOrigin(asked, transport === 'https' ? 'https' : 'http', host);
    if (transport === 'https' && isProbe(asked)) this.#deps.probed?.(raw.socket.remoteAddress ?? '');
    return true;
  }

  #gatePlainHttp(request: FastifyRequest, reply: FastifyReply, host: Host): boolean {
    const asked = { method: request.method, url: request.raw.url ?? '' };
    const publicRoute = this.#isPublic(asked.method, asked.url.split('?', 1)[0] ?? '');
    const answer = plainHttpAnswer(asked, host, { publicRoute, httpsPort: this.#httpsPort });
    if (answer.kind === 'serve') return true;
    this.#answerPlainHttp(answer, host, request, reply);
    return false;
  }

  #answerPlainHttp(answer: PlainHttpAnswer, host: Host, request: FastifyRequest, reply: FastifyReply): void {
    if (answer.kind === 'redirect') {
      reply.code(308).header('location', answer.to).send();
      return;
    }
    const page = this.#deps.welcome?.(host.name, request.headers['user-agent']);
    if (page === undefined) throw new CodedError('https-required', 'The box answers only over https.');
    reply.code(200).headers(page.headers).type('text/html; charset=utf-8').send(page.html);
  }

  /** Both must say so: the contract's access level and the short list of what plain http may show. */
  #isPublic(method: string, path: string): boolean {
    if (!plainHttpPaths.has(path)) return false;
    const contracts = this.#deps.routes.flatMap(({ contract }) => Object.values(contract));
    return contracts.some((one) => one.method === method && one.path === path && one.access === 'public');
  }

  #answerUnknown(request: FastifyRequest, reply: FastifyReply): void {
    const methods = methodsOf(this.#deps.routes, request.raw.url?.split('?', 1)[0] ?? '');
    if (methods.length === 0) throw new CodedError('not-found', 'There is nothing at this address.');
    reply.header('allow', methods.join(', '));
    throw new CodedError('method-not-allowed', `This address knows ${methods.join(', ')} and not ${request.method}.`);
  }

  #answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = toProblem(error);
    this.#logProblem(problem, error, request);
    // RFC 7617, section 2: an app asks for a password only where it is told so.
    const challenge = problem.status === 401 && isForApps(request) ? basicChallenge : undefined;
    // Set when a body could not be read; but closing then would take the answer away from whoever is still sending.
    if (!this.#stopping.signal.aborted) reply.removeHeader('connection');
    // As bytes: to text Fastify adds a charset, which this media type does not have.
    reply
      .code(problem.status)
      .headers(challenge === undefined ? problem.headers : { ...problem.headers, 'www-authenticate': challenge })
      .send(Buffer.from(JSON.stringify(problem.body)));
  }

  /** A handler threw. If its reply has begun, cutting it off is the only way to say so. */
  #answerBroken(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (reply.raw.headersSent || reply.raw.destroyed) {
      if (!reply.raw.writableFinished && !request.raw.destroyed) this.#logProblem(toProblem(error), error, request);
      if (!reply.raw.writableEnded) reply.raw.destroy();
    } else if (reply.sent) {
      const problem = toProblem(error);
      this.#logProblem(problem, error, request);
      reply.raw.writeHead(problem.status, problem.headers).end(JSON.stringify(problem.body));
    } else {
      this.#answerError(error, request, reply);
    }
  }

  #logProblem(problem: Problem, err: unknown, request: FastifyRequest): void {
    if (problem.status < 500 || wentAway(err, request.raw)) return;
    const about = { err, method: request.method, route: request.routeOptions.url };
    if (problem.body.code === 'internal') this.#deps.log.error(about, 'a request failed by an error of the box');
    else if (problem.body.code !== 'stopping') this.#deps.log.warn(about, 'a request could not be served');
  }

  /** The route's pattern, not the path: names and ids stay out of the log. */
  #logAnswer(request: FastifyRequest, reply: FastifyReply): void {
    const level = reply.statusCode < 400 ? 'debug' : 'info';
    if (!this.#deps.log.isLevelEnabled(level)) return;
    const ms = Math.round(reply.elapsedTime);
    const about = { method: request.method, route: request.routeOptions.url, status: reply.statusCode, ms };
    this.#deps.log[level]({ ...about, transport: transportOf(request) }, 'answered');
  }
}

const basicChallenge = 'Basic realm="Nightjar", charset="UTF-8"';

function isForApps({ routeOptions: { config } }: FastifyRequest): boolean {
  return 'access' in config && config.access === 'app';
}

const goneCodes = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'];

/** The client left in the middle of its body: no error of the box. */
function wentAway(error: unknown, request: IncomingMessage): boolean {
  return !request.complete && request.destroyed && goneCodes.includes(systemCode(error) ?? '');
}
