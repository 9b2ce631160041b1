/** Fetches a file over https, within limits; nothing is sent but the address. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';

const idleMs = 30_000;
/** As those who publish files use to send on. */
const redirectsMax = 3;

export type Fetched = Readonly<{ body: IncomingMessage; lengthBytes: number | null; url: string }>;

/** `ca`: PEM, whom to trust in the place of everybody's list. @throws why it could not be had, in plain words */
export async function fetchFile(url: string, signal: AbortSignal, ca?: string): Promise<Fetched> {
  let at = url;
  for (let tries = 0; tries <= redirectsMax; tries++) {
    if (!URL.canParse(at) || new URL(at).protocol !== 'https:')
      throw new Error('It leads to an address without https.');
    const body = await answerOf(at, signal, ca);
    const { statusCode = 0, headers } = body;
    if (statusCode === 200) {
      const length = Number(headers['content-length'] ?? Number.NaN);
      return { body, lengthBytes: Number.isSafeInteger(length) ? length : null, url: at };
    }
    body.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      throw new Error(`It answered ${statusCode} in the place of a file.`);
    at = new URL(headers.location, at).href;
  }
  throw new Error('It leads from one address to the next, without end.');
}

/** All of a small file. @throws as `fetchFile`, and where it is larger than `bytesMax` */
export async function fetchSmall(url: string, bytesMax: number, signal: AbortSignal, ca?: string): Promise<Buffer> {
  const { body } = await fetchFile(url, signal, ca);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error('It answered with more than is ever there.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answerOf(url: string, signal: AbortSignal, ca: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      signal,
      headers: { 'user-agent': 'nightjar', accept: '*/*' },
      ...(ca !== undefined && { ca }),
    });
    asked.setTimeout(idleMs, () => asked.destroy(new Error('It did not answer in time.')));
    asked.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === undefined ? error : new Error(`It could not be reached (${error.code}).`)),
    );
    asked.once('response', resolve);
    asked.end();
  });
}
