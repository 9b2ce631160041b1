/**
 * Talks to the running daemon over its unix socket: JSON over HTTP/1.1. Whoever can open the socket is trusted by the
 * daemon, so before anything is sent the socket has to be this user's own: a password goes through here.
 */
import { lstat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { Failure } from './failure.ts';

/** `sun_path` holds 108 bytes with its end (unix(7)). */
const socketPathBytesMax = 107;
const replyBytesMax = 4 * 1024 * 1024;
const timeoutMs = 60_000;

export class BoxSocket {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'console.sock');
  }

  /** The JSON reply, or undefined for 204. @throws {Failure} with the box's own sentence, or why it was not reached. */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    await this.#check();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { status, reply } = await this.#exchange(method, path, text);
    const parsed = parse(reply, status);
    if (status >= 200 && status < 300) return parsed;
    const problem = parsed as { detail?: unknown; title?: unknown } | undefined;
    const sentence = problem?.detail ?? problem?.title;
    throw new Failure(typeof sentence === 'string' ? sentence : `The box answered with status ${status}.`);
  }

  async #check(): Promise<void> {
    if (Buffer.byteLength(this.#path) > socketPathBytesMax) {
      throw new Failure(
        `The path of the state folder is too long: a socket's path can have ${socketPathBytesMax} bytes, and ${this.#path} has ${Buffer.byteLength(this.#path)}. Set NIGHTJAR_STATE_DIR to a shorter one.`,
      );
    }
    const facts = await lstat(this.#path).catch((error: NodeJS.ErrnoException) => {
      throw this.#unreachable(error);
    });
    const user = process.getuid?.();
    if (!facts.isSocket()) throw new Failure(`${this.#path} is not a socket of Nightjar. Nothing was sent.`);
    // Root may speak to the daemon's user; anyone else's socket could be a trap for passwords.
    if (user !== undefined && user !== 0 && facts.uid !== user) throw new Failure(anotherUsers(this.#path));
  }

  #exchange(method: string, path: string, text: string | undefined): Promise<{ status: number; reply: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        host: 'localhost',
        accept: 'application/json',
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const signal = AbortSignal.timeout(timeoutMs);
      const sent = request({ socketPath: this.#path, method, path, headers, signal, agent: false }, (response) => {
        readAll(response).then((reply) => resolve({ status: response.statusCode ?? 0, reply }), reject);
      });
      sent.on('error', (error: NodeJS.ErrnoException) => reject(signal.aborted ? tooSlow() : this.#unreachable(error)));
      sent.end(text);
    });
  }

  #unreachable(error: NodeJS.ErrnoException): Failure {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ECONNREFUSED') {
      return new Failure(
        `Nightjar is not running, or keeps its state elsewhere: nobody listens at ${this.#path}. Start it, or set NIGHTJAR_STATE_DIR as for the daemon.`,
      );
    }
    if (error.code === 'EACCES' || error.code === 'EPERM') return new Failure(anotherUsers(this.#path));
    return new Failure(`The box broke off: ${error.message}. Ask "nightjar status" what was done, and try again.`);
  }
}

function anotherUsers(path: string): string {
  return `${path} belongs to another user. Run this as the user that Nightjar runs as. Nothing was sent.`;
}

function tooSlow(): Failure {
  return new Failure(`The box did not answer within ${timeoutMs / 1000} s. Ask "nightjar status" what was done.`);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > replyBytesMax) {
      response.destroy();
      throw new Failure('The answer is larger than any of Nightjar’s. Does another program listen on this socket?');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(reply: string, status: number): unknown {
  if (reply === '') return undefined;
  try {
    return JSON.parse(reply);
  } catch {
    throw new Failure(`The answer (status ${status}) is not Nightjar’s. Does another program listen on this socket?`);
  }
}
