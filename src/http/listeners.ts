/**
 * Owns the sockets: what listens, the limits of each connection, and ending them within a time.
 * Never looks into a request.
 * Only the server calls it.
 */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import type {
  ServerOptions as HttpServerOptions,
  IncomingMessage,
  RequestListener,
  Server,
  ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { SecureContext, TLSSocket } from 'node:tls';
import { CodedError, systemCode } from '../platform/errors.ts';
import { createServer } from '../platform/node-http.ts';
import { Crowd } from './crowd.ts';
import { toProblem } from './problem.ts';
import { securityHeaders } from './security-headers.ts';
import { type TlsSettings, tlsSettings } from './tls-settings.ts';

/** Certificates by name. `defaultKeyAndChain` (PEM) serves connections that name no host. */
export type SecureContexts = Readonly<{
  contextFor(servername?: string): SecureContext;
  defaultKeyAndChain(): { key: string; cert: string };
  /** As the contexts were made with; default: for a CPU with AES instructions. */
  readonly settings?: TlsSettings;
}>;

/** A port (0: any free one), or a socket that listens already, by its file descriptor. */
export type Door = number | Readonly<{ fd: number }>;

const keepAliveMs = 65_000;
const headerBytesMax = 16 * 1024;
/** A socket on which nothing moved for so long, in either direction, is dead. */
const silentSocketMs = 10 * 60_000;
/** After an answer that came before the body was read: time for the client to notice, while the rest is dropped. */
const lingerMs = 2_000;
/** `sun_path` holds 108 bytes with the ending zero (unix(7)). */
const socketPathBytesMax = 107;

const listenerLimits = {
  /** From its first byte, or from its beginning, until the headers of a request are there. */
  headersMs: 30_000,
  handshakeMs: 15_000,
  /** How often connections are held against `headersMs`. */
  checkMs: 5_000,
  connectionsMax: 512,
  /** Of one address, this machine's own left out. A browser opens six, a phone that backs up about as many. */
  perAddressMax: 64,
};
export type ListenerLimits = Readonly<typeof listenerLimits>;

export class Listener {
  readonly #server: Server;
  readonly #contexts: SecureContexts | undefined;
  readonly #crowd: Crowd;
  /** Requests in work per connection. */
  readonly #sockets = new Map<Socket, number>();
  /** TLS connections before the end of their handshake: they are no HTTP connection as yet. */
  readonly #handshaking = new Set<Socket>();
  readonly #secured = new WeakMap<Socket, Socket>();
  readonly #answering = new Set<ServerResponse>();
  #stopping = false;

  constructor(handle: RequestListener, contexts?: SecureContexts, limits: Partial<ListenerLimits> = {}) {
    this.#contexts = contexts;
    const all = { ...listenerLimits, ...limits };
    this.#crowd = new Crowd({ ...all, isIdle: (socket) => this.#isIdle(socket) });
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      this.#track(request, response);
      handle(request, response);
    };
    const options = {
      headersTimeout: all.headersMs,
      connectionsCheckingInterval: all.checkMs,
      keepAliveTimeout: keepAliveMs,
      requestTimeout: 0, // An upload lasts as long as it moves; bodies that are read whole have a limit of their own.
      maxHeaderSize: headerBytesMax,
    };
    this.#server =
      contexts === undefined
        ? createServer(options, answer)
        : createTlsListener(contexts, { ...options, handshakeTimeout: all.handshakeMs }, answer);
    // Above a number Node would leave headers out without a word, among them one that a proxy adds as the last.
    this.#server.maxHeadersCount = 0;
    this.#server.setTimeout(silentSocketMs);
    this.#server.on('clientError', answerClientError);
    // First of all: what is not admitted costs no handshake.
    this.#server.prependListener('connection', (socket: Socket) => this.#crowd.admit(socket));
    if (contexts === undefined) this.#server.on('connection', (socket: Socket) => this.#admit(socket));
    else this.#watchHandshakes();
  }

  /** Resolves with the port. @throws {CodedError} `conflict` when it is taken, `forbidden` when it may not be used. */
  async listenPort(door: Door, host?: string): Promise<number> {
    const options =
      typeof door === 'number' ? { port: door, ...(host === undefined ? {} : { host }) } : { fd: door.fd };
    await this.#listen(
      () => this.#server.listen(options),
      typeof door === 'number' ? `port ${door}` : 'the port that the system opened for it',
    );
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Listens on a unix socket that only this user can open.
   * @throws {CodedError} `invalid-request` when the path is too long, `conflict` when somebody listens there.
   */
  async listenPath(path: string): Promise<void> {
    if (Buffer.byteLength(path) > socketPathBytesMax) {
      throw new CodedError(
        'invalid-request',
        `The console's socket would be at ${path}: that is longer than the ${socketPathBytesMax} bytes that a socket's path may have. Choose a state folder with a shorter path; nothing was started.`,
      );
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await removeStaleSocket(path);
    // The socket is made inside listen(), before it returns: at no moment can another user open it.
    const before = process.umask(0o177);
    try {
      await this.#listen(() => {
        this.#server.listen({ path });
        process.umask(before);
      }, path);
    } finally {
      process.umask(before);
    }
    await chmod(path, 0o600);
  }

  /** Takes up renewed certificates for new connections. */
  refreshTls(): void {
    if (this.#contexts === undefined || !('setSecureContext' in this.#server)) return;
    (this.#server as ReturnType<typeof createTlsServer>).setSecureContext(tlsOptions(this.#contexts));
  }

  /** Stops accepting, ends idle connections at once and the others with their answer, or at the limit. */
  async close(limitMs: number): Promise<void> {
    this.#stopping = true;
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const response of this.#answering) announceEnd(response);
    for (const socket of this.#handshaking) socket.destroy();
    for (const [socket, requests] of this.#sockets) if (requests === 0) socket.destroy();
    const limit = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy();
    }, limitMs);
    await closed;
    clearTimeout(limit);
  }

  async #listen(start: () => void, where: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.once('listening', () => {
        this.#server.off('error', reject);
        resolve();
      });
      start();
    }).catch((error: unknown) => {
      throw listenError(error, where);
    });
  }

  /** Of TLS the connection beneath is asked about. */
  #isIdle(socket: Socket): boolean {
    return this.#handshaking.has(socket) || (this.#sockets.get(this.#secured.get(socket) ?? socket) ?? 0) === 0;
  }

  #admit(socket: Socket): void {
    this.#sockets.set(socket, 0);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#stopping) socket.destroy();
  }

  /** The two events tell of two sockets for one connection; its peer's port joins them. */
  #watchHandshakes(): void {
    const byPeer = new Map<string, Socket>();
    const peerOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
    this.#server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      byPeer.set(peer, socket);
      this.#handshaking.add(socket);
      socket.once('close', () => {
        this.#handshaking.delete(socket);
        if (byPeer.get(peer) === socket) byPeer.delete(peer);
      });
    });
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      const raw = byPeer.get(peerOf(socket));
      if (raw !== undefined) {
        this.#handshaking.delete(raw);
        this.#secured.set(raw, socket);
      }
      this.#admit(socket);
    });
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#sockets.set(socket, (this.#sockets.get(socket) ?? 0) + 1);
    this.#answering.add(response);
    if (this.#stopping) announceEnd(response);
    response.once('finish', () => dropRestOfBody(request));
    response.once('close', () => {
      this.#answering.delete(response);
      const left = (this.#sockets.get(socket) ?? 1) - 1;
      if (this.#sockets.has(socket)) this.#sockets.set(socket, left);
      if (this.#stopping && left <= 0) socket.destroySoon();
    });
  }
}

function createTlsListener(
  contexts: SecureContexts,
  options: HttpServerOptions & { handshakeTimeout: number },
  answer: RequestListener,
): Server {
  return createTlsServer(
    {
      ...options,
      ...tlsOptions(contexts),
      SNICallback: (servername, done) => {
        try {
          done(null, contexts.contextFor(servername));
        } catch (error) {
          done(error as Error);
        }
      },
    },
    answer,
  );
}

function tlsOptions(contexts: SecureContexts) {
  return { ...(contexts.settings ?? tlsSettings(true)), ...contexts.defaultKeyAndChain() };
}

function announceEnd(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

/** Closing a socket with unread bytes resets it, and the client may lose the answer; so the rest is read, for a time. */
function dropRestOfBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, lingerMs);
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
}

/** What is no HTTP or no TLS. A broken handshake is only closed. */
function answerClientError(error: Error, socket: NodeJS.WritableStream & Partial<Socket>): void {
  const code = systemCode(error) ?? '';
  if (socket.writable !== true || !(code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT')) {
    socket.destroy?.();
    return;
  }
  const tooLong = code === 'HPE_HEADER_OVERFLOW';
  const detail = tooLong ? 'The headers of this request are too long.' : 'This is no request that the box can read.';
  const { status, body, headers } = toProblem(new CodedError('invalid-request', detail));
  const lines = Object.entries({ ...securityHeaders, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const content = JSON.stringify(body);
  const length = `content-length: ${Buffer.byteLength(content)}\r\nconnection: close\r\n\r\n`;
  socket.end(`HTTP/1.1 ${status} Bad Request\r\n${lines.join('')}${length}${content}`);
  setTimeout(() => socket.destroy?.(), lingerMs).unref();
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new CodedError(
      'conflict',
      `${path} is there and is no socket, so the console cannot listen there. It was left as it is.`,
    );
  }
  if (await somebodyListens(path)) {
    throw new CodedError(
      'conflict',
      `Another Nightjar is already running with this state folder (it listens on ${path}).`,
    );
  }
  await unlink(path);
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    // Only a refusal proves that nobody is there: a full queue or a permission means somebody may be.
    socket.once('error', (error) => resolve(systemCode(error) !== 'ECONNREFUSED'));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function listenError(error: unknown, where: string): unknown {
  const code = systemCode(error);
  if (code === 'EADDRINUSE') {
    return new CodedError(
      'conflict',
      `The box cannot listen on ${where}: another program already does. Nothing was changed.`,
    );
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new CodedError(
      'forbidden',
      `The box is not allowed to listen on ${where}. Choose a port above 1023, or allow it.`,
    );
  }
  return error;
}
