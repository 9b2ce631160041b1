/** Requests as bytes on a socket of their own, so that everything about them can be wrong; and what was answered. */
import { connect, type Socket } from 'node:net';

export type Header = readonly [name: string, value: string];

/**
 * How the body goes: `exact` with its length, `chunked`, `cut` (announced whole, sent in part), `torn` (as `cut`, and
 * the connection is reset), `announced-short` (more is sent than announced), `bad-chunks`, `silent` (not framed at all).
 */
export type Framing = 'exact' | 'chunked' | 'cut' | 'torn' | 'announced-short' | 'bad-chunks' | 'silent';

export type WireRequest = Readonly<{
  method: string;
  target: string;
  /** Without the headers that frame the body. Values are bytes, one for each character. */
  headers: readonly Header[];
  body: Buffer;
  framing: Framing;
}>;

/** `status` 0: the connection ended without an answer. */
export type WireAnswer = Readonly<{ status: number; headers: ReadonlyMap<string, string>; body: string }>;

/** After so long without an answer the sending side of a strange request is closed. */
const patienceMs = 60;
const answerMsMax = 10_000;

/** Whether the answer may be missing: the request itself says that it ends in an unclear way. */
export function isOdd({ method, headers, framing }: WireRequest): boolean {
  const frames = /^(content-length|transfer-encoding|connection|expect|upgrade)$/i;
  return (
    !['exact', 'chunked', 'silent'].includes(framing) ||
    headers.some(([name]) => frames.test(name)) ||
    !/^(OPTIONS|POST|HEAD|PATCH|DELETE|GET|PUT)$/.test(method)
  );
}

/** @throws when a request that is no odd one gets no answer. */
export async function exchange(port: number, request: WireRequest): Promise<WireAnswer> {
  const odd = isOdd(request);
  const answer = await rawExchange(port, wireBytes(request), {
    odd,
    head: request.method === 'HEAD',
    torn: request.framing === 'torn',
  });
  if (answer.status === 0 && !odd) throw new Error(`No answer to ${request.method} ${request.target.slice(0, 100)}.`);
  return answer;
}

function wireBytes({ method, target, headers, body, framing }: WireRequest): Buffer {
  const framed = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const all = framed ? headers : [...headers, ...framingHeaders(framing, body)];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
  return Buffer.concat([head, wireBody(framing, body)]);
}

function framingHeaders(framing: Framing, body: Buffer): Header[] {
  switch (framing) {
    case 'exact':
    case 'cut':
    case 'torn':
      return body.length === 0 ? [] : [['Content-Length', String(body.length)]];
    case 'announced-short':
      return [['Content-Length', String(body.length >> 1)]];
    case 'chunked':
    case 'bad-chunks':
      return [['Transfer-Encoding', 'chunked']];
    case 'silent':
      return [];
  }
}

function wireBody(framing: Framing, body: Buffer): Buffer {
  switch (framing) {
    case 'exact':
    case 'announced-short':
      return body;
    case 'cut':
    case 'torn':
      return body.subarray(0, body.length >> 1);
    case 'silent':
      return Buffer.alloc(0);
    case 'chunked': {
      const half = body.length >> 1;
      const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length > 0);
      const chunks = parts.flatMap((part) => [
        Buffer.from(`${part.length.toString(16)}\r\n`),
        part,
        Buffer.from('\r\n'),
      ]);
      return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
    }
    case 'bad-chunks':
      return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\nzz\r\n')]);
  }
}

/** Writes `bytes` and reads one answer; interim ones (1xx) are passed over. */
export function rawExchange(
  port: number,
  bytes: Buffer,
  how: { odd: boolean; head: boolean; torn: boolean },
): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let said = '';
    const timers: NodeJS.Timeout[] = [];
    const done = (answer: WireAnswer) => {
      for (const timer of timers) clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const none: WireAnswer = { status: 0, headers: new Map(), body: '' };
    const look = (ended: boolean) => {
      const answer = parse(said, how.head, ended);
      if (answer !== undefined) done(answer);
      else if (ended) done(none);
    };
    socket.on('error', () => look(true));
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('close', () => look(true));
    socket.write(bytes);
    if (how.odd) timers.push(setTimeout(() => (how.torn ? socket.resetAndDestroy() : socket.end()), patienceMs));
    timers.push(setTimeout(() => done(none), answerMsMax));
  });
}

function parse(said: string, head: boolean, ended: boolean): WireAnswer | undefined {
  const end = said.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = said.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? -1);
  if (status >= 100 && status < 200) return parse(said.slice(end + 4), head, ended);
  const headers = new Map(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = said.slice(end + 4);
  const length = Number(headers.get('content-length') ?? (headers.has('transfer-encoding') ? Number.NaN : 0));
  const whole = head || status === 204 || status === 304 || body.length >= length || body.endsWith('0\r\n\r\n');
  return whole || ended ? { status, headers, body } : undefined;
}
