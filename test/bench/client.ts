/**
 * The sender, a process of its own so that its work is not counted as the server's. As cheap as node:http allows:
 * content is made before the start, and nothing is copied or hashed. Takes a `Job` from its parent, says `ready`, begins
 * at `go`, and says `done` when every file has its answer.
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { Job } from './workloads.ts';

/** The same for every server, whatever it would choose by itself. */
const tls = {
  rejectUnauthorized: false,
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519',
} as const;
const pieceBytes = 1024 * 1024;
const onePostBytesMax = 8 * 1024 * 1024;
const months = 6;

type Content = { name: string; bytes: number; pieces: () => Iterable<Buffer> };

class Sender {
  readonly #job: Job;
  readonly #agent: HttpAgent;
  cipher = '';

  constructor(job: Job) {
    this.#job = job;
    const options = { keepAlive: true, maxSockets: job.workload.atOnce };
    this.#agent = job.url.startsWith('https:') ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
  }

  async send(content: Content): Promise<void> {
    if (this.#job.door === 'put') {
      await this.#ask('PUT', content.name, {}, content);
      return;
    }
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-length': content.bytes,
      'upload-metadata': metadata({ filename: content.name, path: `DCIM/${content.name}`, mtime: '1780000000000' }),
    };
    const type = { 'content-type': 'application/offset+octet-stream' };
    if (content.bytes <= onePostBytesMax) {
      mustBeWhole(await this.#ask('POST', '', { ...headers, ...type }, content), content);
      return;
    }
    const created = await this.#ask('POST', '', headers, undefined);
    const place = String(created.headers.location).split('/').at(-1) ?? '';
    const patch = { 'tus-resumable': '1.0.0', 'upload-offset': 0, ...type };
    mustBeWhole(await this.#ask('PATCH', `/${place}`, patch, content), content);
  }

  async #ask(method: string, name: string, more: object, content: Content | undefined): Promise<IncomingMessage> {
    const { url, token } = this.#job;
    const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const headers = { ...authorization, ...more, 'content-length': content?.bytes ?? 0 };
    const request = ask(`${url}${name}`, { method, agent: this.#agent, headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject);
    });
    if (content !== undefined) await write(request, content);
    request.end();
    const answer = await answered;
    if ('getCipher' in answer.socket) this.cipher = (answer.socket as TLSSocket).getCipher().standardName;
    await answer.resume().toArray();
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) throw new Error(`${method} ${name} was answered with ${status}.`);
    return answer;
  }
}

async function write(request: ClientRequest, content: Content): Promise<void> {
  for (const piece of content.pieces()) {
    // Rejects when the connection breaks.
    if (!request.write(piece)) await once(request, 'drain');
  }
}

function mustBeWhole(answer: IncomingMessage, content: Content): void {
  if (Number(answer.headers['upload-offset']) !== content.bytes) throw new Error(`${content.name} is not safe.`);
}

function metadata(facts: Record<string, string>): string {
  return Object.entries(facts)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

function* contents({ workload, seed }: Job): Generator<Content> {
  const { kind, bytes, count } = workload;
  if (kind === 'video') {
    const piece = randomFillSync(Buffer.alloc(pieceBytes * 16));
    yield { name: `video-${seed}.mp4`, bytes, pieces: () => repeated(piece, bytes) };
    return;
  }
  const pictures = Array.from({ length: months }, (_, month) =>
    exifJpeg({ seed: month, bytes, takenLocal: `2026-0${month + 1}-15T12:00:00`, offset: '+02:00' }),
  );
  for (let index = 0; index < count; index++) {
    // Month after month, as a phone's folder is read.
    const picture = pictures[Math.floor((index * months) / count)] as Buffer;
    yield { name: `photo-${seed}-${index}.jpg`, bytes, pieces: () => stamped(picture, `${seed} ${index}`) };
  }
}

function* repeated(block: Buffer, bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += pieceBytes) {
    const from = at % block.length;
    yield block.subarray(from, from + Math.min(pieceBytes, bytes - at));
  }
}

/** The picture with `text` at the begin of its first comment, which follows the EXIF segment: the rest is not copied. */
function stamped(picture: Buffer, text: string): Buffer[] {
  const commentAt = 4 + picture.readUInt16BE(4) + 4;
  const head = Buffer.from(picture.subarray(0, commentAt + 32));
  head.write(text, commentAt, 'latin1');
  return [head, picture.subarray(head.length)];
}

async function sendAll(sender: Sender, all: readonly Content[], atOnce: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let content = all[next++]; content !== undefined; content = all[next++]) await sender.send(content);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function main(): Promise<void> {
  const tell = (message: object) => process.send?.(message);
  const next = () => new Promise<unknown>((resolve) => process.once('message', resolve));
  const first = next();
  tell({ at: 'started' });
  const job = (await first) as Job;
  const sender = new Sender(job);
  const all = [...contents(job)];
  const go = next();
  tell({ at: 'ready' });
  await go;
  await sendAll(sender, all, job.workload.atOnce);
  tell({ at: 'done', cipher: sender.cipher });
  process.disconnect();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`The sender failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
