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

/** `pieces`: of the bytes from `from` to before `to`; a photo is only ever sent whole. */
type Content = { name: string; bytes: number; pieces: (from: number, to: number) => Iterable<Buffer> };
type Asking = Readonly<{ content?: Content; from?: number; to?: number; expected?: number }>;
/** What the Android app wants to know of a file once it is there. */
const looked = `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><d:getetag/>
  <d:getlastmodified/><d:getcontentlength/><d:resourcetype/><oc:id/><oc:fileid/><oc:size/></d:prop></d:propfind>`;

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
    const { door, workload } = this.#job;
    if (door === 'put') await this.#ask('PUT', content.name, {}, { content });
    else if (door === 'tus') await this.#sendTus(content);
    else if (workload.partBytes !== undefined && content.bytes > workload.partBytes)
      await this.#sendParts(content, workload.partBytes);
    else await this.#put(content, workload.asksAround === true);
  }

  async #sendTus(content: Content): Promise<void> {
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-length': content.bytes,
      'upload-metadata': metadata({ filename: content.name, path: `DCIM/${content.name}`, mtime: '1780000000000' }),
    };
    const type = { 'content-type': 'application/offset+octet-stream' };
    if (content.bytes <= onePostBytesMax) {
      mustBeWhole(await this.#ask('POST', '', { ...headers, ...type }, { content }), content);
      return;
    }
    const created = await this.#ask('POST', '', headers);
    const place = String(created.headers.location).split('/').at(-1) ?? '';
    const patch = { 'tus-resumable': '1.0.0', 'upload-offset': 0, ...type };
    mustBeWhole(await this.#ask('PATCH', `/${place}`, patch, { content }), content);
  }

  /** `asksAround`: whether there is a network and no such file, before it; and what became of it. */
  async #put(content: Content, asksAround: boolean): Promise<void> {
    const { name, bytes } = content;
    if (asksAround) {
      await this.#ask('GET', new URL('/index.php/204', this.#job.url).href, {});
      await this.#ask('HEAD', name, {}, { expected: 404 });
    }
    await this.#ask('PUT', name, { ...appTimes, 'oc-total-length': bytes }, { content });
    if (!asksAround) return;
    const answer = await this.#ask('PROPFIND', name, { depth: '0', 'content-length': looked.length }, {}, looked);
    if (answer.statusCode !== 207) throw new Error(`${name} was not found again.`);
  }

  /** Nextcloud's chunked upload, version 2, as the Android app does it: one part after the other. */
  async #sendParts(content: Content, partBytes: number): Promise<void> {
    const folder = `${this.#job.url.replace('/files/', '/uploads/').replace(/DCIM\/$/, '')}${content.name}`;
    const destination = `${this.#job.url}${content.name}`;
    await this.#ask('MKCOL', folder, { destination });
    for (let from = 0, part = 1; from < content.bytes; from += partBytes, part++) {
      const name = `${folder}/${String(part).padStart(6, '0')}`;
      const to = Math.min(from + partBytes, content.bytes);
      await this.#ask('PUT', name, { 'oc-total-length': content.bytes }, { content, from, to });
    }
    await this.#ask('MOVE', `${folder}/.file`, { destination, ...appTimes });
  }

  /** `name`: below the job's address, or an address of its own. @throws for any status but 2xx, or `expected` */
  async #ask(method: string, name: string, more: object, it: Asking = {}, text?: string): Promise<IncomingMessage> {
    const { url, token, door } = this.#job;
    const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
    const authorization = token === null ? {} : { authorization: `${door === 'webdav' ? 'Basic' : 'Bearer'} ${token}` };
    const { content, from = 0, to = content?.bytes ?? 0 } = it;
    const headers = { ...authorization, 'content-length': to - from, ...more };
    const request = ask(/^https?:/.test(name) ? name : `${url}${name}`, { method, agent: this.#agent, headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject);
    });
    if (content !== undefined) await write(request, content.pieces(from, to));
    request.end(text);
    const answer = await answered;
    if ('getCipher' in answer.socket) this.cipher = (answer.socket as TLSSocket).getCipher().standardName;
    await answer.resume().toArray();
    const status = answer.statusCode ?? 0;
    if (status === it.expected || (status >= 200 && status <= 299)) return answer;
    throw new Error(`${method} ${name} was answered with ${status}.`);
  }
}

const appTimes = { 'x-oc-mtime': '1780000000', 'x-oc-ctime': '1780000000' };

async function write(request: ClientRequest, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
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
    yield { name: `video-${seed}.mp4`, bytes, pieces: (from, to) => repeated(piece, from, to) };
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

function* repeated(block: Buffer, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; ) {
    const begin = at % block.length;
    const piece = block.subarray(begin, begin + Math.min(pieceBytes, to - at));
    yield piece;
    at += piece.length;
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
