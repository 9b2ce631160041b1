/**
 * Asks a program of the machine that listens on a unix socket: one connection, one JSON line there, one back. For the
 * privileged helpers, whose answers are checked by whoever asked. Knows none of them.
 */
import { createConnection } from 'node:net';

type How = 'unreachable' | 'silent' | 'too-long' | 'broken' | 'no-answer' | 'not-json';

/** `unreachable`: nobody listens there, or not for this user. After everything else, what was asked may be done. */
export class ExchangeFailed extends Error {
  readonly how: How;
  readonly limitMs: number;
  constructor(how: How, limitMs: number, cause?: unknown) {
    super(how, cause === undefined ? undefined : { cause });
    this.how = how;
    this.limitMs = limitMs;
  }
}

export type Exchange = Readonly<{
  socketPath: string;
  request: object;
  limitMs: number;
  /** Waits no longer; the other side ends what it does by itself. */
  signal: AbortSignal;
}>;

const answerBytesMax = 1024 * 1024;

/** The other side's JSON. @throws {ExchangeFailed} */
export async function exchange(asked: Exchange): Promise<unknown> {
  const line = await lineOf(asked);
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ExchangeFailed('not-json', asked.limitMs, error);
  }
}

/** For a sentence that begins with the other side's name. */
export function saidOf(how: How, limitMs: number): string {
  const words: { readonly [Kind in How]: string } = {
    unreachable: 'is not there',
    silent: `did not answer within ${Math.round(limitMs / 6_000) / 10} minutes`,
    'too-long': 'said more than it may',
    broken: 'broke the connection off',
    'no-answer': 'ended without an answer',
    'not-json': 'gave no answer that can be understood',
  };
  return words[how];
}

function lineOf({ socketPath, request, limitMs, signal }: Exchange): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: socketPath, signal });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (how: How, cause?: unknown) => {
      reject(new ExchangeFailed(how, limitMs, cause));
      socket.destroy();
    };
    socket.setTimeout(limitMs, () => end('silent'));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > answerBytesMax) end('too-long');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => end(isNobody(error) ? 'unreachable' : 'broken', error));
    socket.on('close', () => {
      const answer = Buffer.concat(chunks).toString('utf8');
      if (answer.endsWith('\n')) resolve(answer);
      else end('no-answer');
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

function isNobody({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EACCES';
}
