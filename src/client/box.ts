import { setMaxListeners } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Address, hostHeaderOf, originOf } from './address.ts';
import { limitConnecting, loopbackOnly, pinned, probe } from './connection.ts';
import { exitCodes, Failure, messageOf, Refusal, systemCodeOf, Trouble } from './failure.ts';
import { insist, type Patience } from './patience.ts';

/**
 * The way to the box. Owns: connections, the pinned root as the only authority, and which address is in use.
 * Never: retries by itself, follows a redirect, or sends a byte to a host that does not verify. For all commands.
 */

export type BoxOptions = Readonly<{
  /** Tried in this order: the last good one first. */
  addresses: readonly Address[];
  /** Null only with loopback http. */
  rootPem: string | null;
  token: string | null;
  connectMs?: number;
  /** Without a byte in either direction for this long, a request is given up. The last bytes of a large file wait for
   *  the box's disk to sync, and after a restart for it to read the file again. */
  idleMs?: number;
  onAddress?: (address: Address) => void;
  /** Asked when none of `addresses` answers: where the box is now, verified; null when it was not found. */
  findAgain?: () => Promise<Address | null>;
}>;

export type Ask = Readonly<{
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | Readonly<{ stream: AsyncIterable<Buffer>; length: number }>;
}>;
export type Reply = Readonly<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>;

const replyBytesMax = 32 * 1024 * 1024;
/** A further address is tried when those before it have not answered for this long. */
const nextAddressAfterMs = 300;
/** Looking for the box costs the whole network a question: after a fruitless search, the next one waits this long. */
const searchEveryMs = 60_000;

export class Box {
  readonly #options: BoxOptions;
  readonly #connectMs: number;
  readonly #idleMs: number;
  readonly #agent: http.Agent;
  readonly #secureAgent: https.Agent;
  #current: Address | null = null;
  #locating: Promise<Address> | null = null;
  #foundAgain: Address | null = null;
  #searchedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: BoxOptions) {
    this.#options = options;
    this.#connectMs = options.connectMs ?? 5000;
    this.#idleMs = options.idleMs ?? 180_000;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    this.#secureAgent = new https.Agent({ keepAlive: true, maxSockets: 8, ...pinned(options.rootPem) });
  }

  /** The address in use, once something was asked. */
  get address(): string | null {
    return this.#current === null ? null : originOf(this.#current);
  }

  /** Ends all connections; requests under way fail. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
    this.#secureAgent.destroy();
  }

  /** Throws `Trouble` when no answer came; any status that did come is a reply. */
  async ask(ask: Ask): Promise<Reply> {
    const { response, done } = await this.#send(ask);
    try {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of response) {
        size += (chunk as Buffer).length;
        if (size > replyBytesMax) throw new Trouble('invalid-answer', 'The box’s answer is too long.');
        chunks.push(chunk as Buffer);
      }
      return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
    } catch (error) {
      throw this.lost(error);
    } finally {
      done();
    }
  }

  /** As `ask`, with the reply's body left to be read; the caller reads it to the end or destroys it. */
  async open(ask: Ask): Promise<IncomingMessage> {
    return (await this.#send(ask)).response;
  }

  /** Asks until an answer of 2xx, as long as `patience` lasts; returns its JSON. Throws what `failed` throws. */
  call(patience: Patience, what: string, method: 'GET' | 'POST', path: string, json?: unknown): Promise<unknown> {
    return insist(patience, what, () => this.once(method, path, json));
  }

  /** As `call`, one attempt: throws `Trouble` too. */
  async once(method: 'GET' | 'POST', path: string, json?: unknown): Promise<unknown> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = json === undefined ? {} : { body: Buffer.from(JSON.stringify(json)) };
    const reply = await this.ask({ method, path, headers, ...body });
    if (reply.status < 200 || reply.status > 299) throw failed(reply);
    try {
      return JSON.parse(reply.body.toString('utf8')) as unknown;
    } catch {
      throw new Trouble('invalid-answer', 'The box’s answer cannot be understood.');
    }
  }

  async #send(ask: Ask): Promise<{ response: IncomingMessage; done: () => void }> {
    const address = this.#current ?? (await this.#locate());
    if (this.#closed) throw new Trouble('unreachable', 'The connection to the box was closed.');
    const length = ask.body === undefined ? 0 : ask.body.length;
    const headers: Record<string, string> = { host: hostHeaderOf(address), ...ask.headers };
    if (ask.body !== undefined || ask.method === 'POST' || ask.method === 'PATCH')
      headers['content-length'] = `${length}`;
    if (this.#options.token !== null) headers.authorization = `Bearer ${this.#options.token}`;
    const request = (address.secure ? https : http).request({
      method: ask.method,
      path: ask.path,
      host: address.host,
      port: address.port,
      headers,
      agent: address.secure ? this.#secureAgent : this.#agent,
      ...(address.servername === undefined ? {} : { servername: address.servername }),
      ...(address.secure ? {} : { lookup: loopbackOnly }),
    });
    request.setTimeout(this.#idleMs, () => request.destroy(new Trouble('timeout', 'The box does not answer.')));
    request.on('socket', (socket) => limitConnecting(socket, this.#connectMs));
    // A listener that stays: an error after the answer (the box closed early) must not end the program.
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('error', (error) => reject(this.lost(error)));
      request.on('response', resolve);
    });
    let answered = false;
    response.then(
      () => {
        answered = true;
      },
      () => {},
    );
    if (ask.body === undefined || Buffer.isBuffer(ask.body)) request.end(ask.body);
    else {
      pump(ask.body.stream, request, () => answered).catch((error: unknown) =>
        request.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    }
    // An answer before the whole body was sent: this connection cannot carry another request.
    return { response: await response, done: () => request.writableEnded || request.destroy() };
  }

  /** A broken connection may mean that the box has moved: the next request looks for it anew. */
  lost(error: unknown): unknown {
    const known = error instanceof Trouble || error instanceof Failure || error instanceof Refusal;
    if (known && error.code !== 'timeout') return error;
    if (error instanceof Error && error.name === 'Waiting') return error;
    this.#current = null;
    if (known) return error;
    return new Trouble('unreachable', `The connection to the box broke (${systemCodeOf(error) ?? messageOf(error)}).`);
  }

  /** Finds an address at which the box answers and verifies; callers at the same time share one search. */
  #locate(): Promise<Address> {
    this.#locating ??= this.#search().finally(() => {
      this.#locating = null;
    });
    return this.#locating;
  }

  async #search(): Promise<Address> {
    try {
      return this.#use(await this.#stored());
    } catch (error) {
      const found = await this.#findAgain();
      if (found === null) throw error;
      this.#foundAgain = found;
      return this.#use(found);
    }
  }

  #use(found: Address): Address {
    this.#current = found;
    this.#options.onAddress?.(found);
    return found;
  }

  async #findAgain(): Promise<Address | null> {
    const { findAgain, rootPem } = this.#options;
    // Over loopback http nothing is verified: only the address itself says who it is.
    if (findAgain === undefined || rootPem === null || this.#closed) return null;
    if (performance.now() - this.#searchedAtMs < searchEveryMs) return null;
    this.#searchedAtMs = performance.now();
    const found = await findAgain();
    // Found now, and gone the next moment: it may be looked for at once.
    if (found !== null) this.#searchedAtMs = Number.NEGATIVE_INFINITY;
    return found;
  }

  async #stored(): Promise<Address> {
    const stop = new AbortController();
    // Each of `addressesMax` listens: Node 20 warns on stderr of more than ten.
    setMaxListeners(0, stop.signal);
    const options = { rootPem: this.#options.rootPem, connectMs: this.#connectMs, signal: stop.signal };
    try {
      const found = this.#foundAgain === null ? [] : [this.#foundAgain];
      return await Promise.any(
        [...found, ...this.#options.addresses].map((address, index) =>
          probe(address, { ...options, afterMs: index * nextAddressAfterMs }),
        ),
      );
    } catch (error) {
      const reasons = error instanceof AggregateError ? error.errors.map(messageOf) : [messageOf(error)];
      const message = `The box cannot be reached: ${[...new Set(reasons)].join('; ').slice(0, 400)}.`;
      throw new Trouble('unreachable', message);
    } finally {
      stop.abort();
    }
  }
}

/** Writes the stream as the request's body, no faster than the network takes it; ends early once answered. */
async function pump(
  stream: AsyncIterable<Buffer>,
  request: http.ClientRequest,
  answered: () => boolean,
): Promise<void> {
  for await (const chunk of stream) {
    if (answered() || request.destroyed) return;
    if (request.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        request.off('drain', go);
        request.off('close', go);
        resolve();
      };
      request.on('drain', go);
      request.on('close', go);
      if (request.destroyed) go();
    });
  }
  if (!request.destroyed) request.end();
}

/** What a status that is not 2xx means: the run's end (401), passing trouble, or a final refusal. RFC 9457, RFC 9110. */
export function failed(reply: Pick<Reply, 'status' | 'headers' | 'body'>): Failure | Trouble | Refusal {
  const problem = problemOf(reply.body);
  const code = problem.code ?? `http-${reply.status}`;
  const detail = problem.detail ?? `The box answered ${reply.status}.`;
  if (reply.status === 401) {
    const help = 'What it has already sent is safe. To go on, make a new link on the box and pair again.';
    return new Failure('revoked', `The box does not know this phone (any more). ${help}`, exitCodes.unpaired);
  }
  const passing = reply.status >= 500 || [408, 409, 423, 425, 429].includes(reply.status);
  if (passing)
    return new Trouble(code, detail, retryAfterMs(reply.headers['retry-after']), attemptsMax(reply.status, code));
  return new Refusal(code, detail, reply.status);
}

/** What waiting does not mend for one file must not keep the others from their turn. */
function attemptsMax(status: number, code: string): number {
  if (code === 'video-tools-missing' || code === 'over-quota') return 1;
  return status === 500 ? 6 : Number.POSITIVE_INFINITY;
}

function problemOf(body: Buffer): { code?: string; detail?: string } {
  try {
    const problem = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null;
    return {
      ...(typeof problem?.code === 'string' ? { code: problem.code.slice(0, 64) } : {}),
      ...(typeof problem?.detail === 'string' ? { detail: problem.detail.slice(0, 1000) } : {}),
    };
  } catch {
    return {};
  }
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}
