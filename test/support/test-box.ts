import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type { Duplex } from 'node:stream';
import { issueLeaf, makeAuthority } from '../../src/http/certificates.ts';

/**
 * A small box for tests of the client alone: real HTTPS, real tus, everything in memory. It keeps the promises of the
 * real one (full length only when checked and kept) and lets a test take its place for a request, cut it, or kill it.
 */

type StoredUpload = {
  length: number;
  bytes: Buffer[];
  size: number;
  facts: Record<string, string>;
  done?: true;
  gone?: Verdict;
};
export type StoredAsset = {
  id: number;
  path: string;
  size: number;
  sha256: string;
  mtime: number | null;
  bytes: Buffer;
};
type Verdict = { status: number; code: string };
type ToldItem = { path: string; size: number; mtime: number | null; sha256?: string };
/** Returns true when it took the request over. */
export type Interfere = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

export async function makeCertificates(addresses: readonly string[] = ['127.0.0.1', '::1'], hosts = ['localhost']) {
  const validity = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 86_400_000) };
  const authority = await makeAuthority('test', validity);
  const der = Buffer.from(authority.root.replace(/-----[A-Z ]+-----/g, ''), 'base64');
  const forNames = async (onlyAddresses: readonly string[], onlyHosts: readonly string[]) => {
    const names = { hosts: onlyHosts, addresses: onlyAddresses };
    const leaf = await issueLeaf(authority.intermediate, names, validity);
    return {
      key: leaf.key,
      cert: leaf.certificate + authority.intermediate.certificate + authority.root,
      rootPem: authority.root,
      fingerprint: createHash('sha256').update(der).digest('hex'),
    };
  };
  /** `forNames`: the same box's certificates after its names have changed. */
  return { ...(await forNames(addresses, hosts)), forNames };
}
export type Certificates = Omit<Awaited<ReturnType<typeof makeCertificates>>, 'forNames'>;

export class TestBox {
  /** Null: plain http. */
  readonly certificates: Certificates | null;
  readonly uploads = new Map<string, StoredUpload>();
  readonly assets = new Map<number, StoredAsset>();
  /** What the phone gave names to: its path -> asset id. */
  readonly items = new Map<string, number>();
  readonly requests: { method: string; url: string; bytes: number }[] = [];
  readonly finished: unknown[] = [];
  /** What phones told of when they come next. */
  readonly plans: { nextAt: number | null; client?: string; clientVersion?: string }[] = [];
  interfere: Interfere = () => false;
  /** Cuts the connection of an upload after so many bytes of one request; once. */
  cutAfterBytes: number | null = null;
  token = 'a-token-of-32-letters-0123456789';
  secret = 'secret-0123456789';
  port = 0;
  #server: http.Server | null = null;
  #sockets = new Set<Duplex>();
  #told = new Map<string, ToldItem>();

  constructor(certificates: Certificates | null) {
    this.certificates = certificates;
  }

  get link(): string {
    const fingerprint = this.certificates?.fingerprint ?? '0'.repeat(64);
    const at = `127.0.0.1:${this.port}`;
    const scheme = this.certificates === null ? 'http' : 'https';
    return `${scheme}://${at}/pair#s=${this.secret}&f=${fingerprint}&a=${encodeURIComponent(`box.invalid:${this.port},${at}`)}&n=Box`;
  }

  get bodyBytes(): number {
    return this.requests.filter(({ url }) => url.startsWith('/api/uploads')).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async start(): Promise<void> {
    const take = (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request, response).catch(() => response.destroy());
    };
    const server = this.certificates === null ? http.createServer(take) : https.createServer(this.certificates, take);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', () => {});
    await listen(server, this.port);
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As SIGKILL does: every connection breaks, nothing is said. What is stored stays. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  put(path: string, bytes: Buffer, mtime: number | null = 1_600_000_000_000): StoredAsset {
    const id = this.assets.size + 1;
    const asset = { id, path, size: bytes.length, sha256: sha256(bytes), mtime, bytes };
    this.assets.set(id, asset);
    return asset;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = { method: request.method ?? '', url: request.url ?? '', bytes: 0 };
    this.requests.push(entry);
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => {
      entry.bytes += chunk.length;
    });
    request.pause();
    if (await this.interfere(request, response)) return;
    const url = new URL(entry.url, 'https://box');
    if (url.pathname === '/api/pairings/redeem') return await this.#redeem(request, response);
    if (request.headers.authorization !== `Bearer ${this.token}`) return problem(response, 401, 'unauthenticated');
    if (url.pathname === '/api/uploads') return await this.#create(request, response);
    const [, id] = /^\/api\/uploads\/(\w+)$/.exec(url.pathname) ?? [];
    if (id !== undefined) return await this.#upload(id, request, response);
    const [, asset] = /^\/api\/assets\/(\d+)\/original$/.exec(url.pathname) ?? [];
    if (asset !== undefined) return this.#original(Number(asset), request, response);
    await this.#json(url, request, response);
  }

  async #redeem(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await bodyOf(request)).toString());
    if (body.secret !== this.secret) return problem(response, 404, 'pairing-unknown');
    json(response, 201, { phoneId: 'phone-1', phone: 'Pixel', person: 'alice', box: 'Box', token: this.token });
  }

  async #json(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (url.pathname) {
      case '/api/phone/items/check': {
        const { items, runs } = JSON.parse((await bodyOf(request)).toString()) as { items: ToldItem[]; runs?: boolean };
        const answers = items.map((item) => this.#answer(item));
        return json(response, 200, { answers: runs === true ? inRuns(answers) : answers, at: Date.now() });
      }
      case '/api/phone/inventory/finish':
        this.finished.push(JSON.parse((await bodyOf(request)).toString()));
        return json(response, 200, { forgotten: 0 });
      case '/api/phone/plan':
        this.plans.push(JSON.parse((await bodyOf(request)).toString()));
        return void response.writeHead(204).end();
      case '/api/phone/status': {
        const counts = { seen: this.items.size, safe: this.items.size, waiting: 0, refused: 0 };
        const who = { phone: 'Pixel', person: 'alice', box: 'Box' };
        return json(response, 200, { ...who, ...counts, refusals: [], lastReceivedAt: null });
      }
      case '/api/assets':
      case '/api/phone/items': {
        const limit = Number(url.searchParams.get('limit'));
        const from = Number(url.searchParams.get('cursor') ?? 0);
        const own = url.pathname === '/api/phone/items';
        const all = own ? [...this.items] : [...this.assets.values()].map((asset) => [asset.path, asset.id] as const);
        const page = all.slice(from, from + limit).map(([path, id]) => ({ path, asset: view(this.assets.get(id)) }));
        const next = from + limit < all.length ? String(from + limit) : null;
        const items = page.map(({ path, asset }) => ({ id: 1, path, mtime: null, asset }));
        return json(response, 200, own ? { items, next } : { assets: page.map(({ asset }) => asset), next });
      }
      default:
        return problem(response, 404, 'not-found');
    }
  }

  #answer(item: ToldItem): object {
    const told = this.#told.get(item.path);
    if (told?.size === item.size && told.mtime === item.mtime && this.items.has(item.path)) return { answer: 'have' };
    this.#told.set(item.path, item);
    const refused = { '.refused': 'invalid-name', '.deleted': 'deleted' }[extname(item.path)];
    if (refused !== undefined) return { answer: 'refused', code: refused, reason: `The sentence of ${refused}.` };
    const same = [...this.assets.values()].filter(({ size }) => size === item.size);
    if (item.sha256 === undefined) return { answer: same.length > 0 ? 'send-hash' : 'need' };
    const found = same.find(({ sha256: has }) => has === item.sha256);
    if (found === undefined) return { answer: 'need' };
    this.items.set(item.path, found.id);
    return { answer: 'have' };
  }

  async #create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const facts = Object.fromEntries(
      String(request.headers['upload-metadata'])
        .split(',')
        .map((pair) => pair.split(' '))
        .map(([key, value]) => [key, Buffer.from(value ?? '', 'base64').toString()]),
    );
    const id = createHash('sha256').update(`${this.uploads.size}`).digest('hex').slice(0, 32);
    this.uploads.set(id, { length: Number(request.headers['upload-length']), bytes: [], size: 0, facts });
    response.setHeader('location', `/api/uploads/${id}`);
    await this.#append(id, request, response, 201);
  }

  async #upload(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const upload = this.uploads.get(id);
    if (upload === undefined) return problem(response, 404, 'not-found');
    if (upload.gone !== undefined) return problem(response, upload.gone.status, upload.gone.code);
    if (request.method === 'DELETE') {
      this.uploads.delete(id);
      response.writeHead(204).end();
    } else if (request.method === 'HEAD') {
      const offset = upload.done ? upload.length : Math.min(upload.size, upload.length - 1);
      response.writeHead(200, { 'upload-offset': Math.max(offset, 0), 'upload-length': upload.length }).end();
    } else if (Number(request.headers['upload-offset']) !== Math.min(upload.size, upload.length - 1)) {
      problem(response, 409, 'offset-mismatch');
    } else await this.#append(id, request, response, 204);
  }

  async #append(id: string, request: IncomingMessage, response: ServerResponse, status: number): Promise<void> {
    const upload = this.uploads.get(id) as StoredUpload;
    if (upload.size === upload.length && upload.length > 0) {
      upload.bytes = [Buffer.concat(upload.bytes).subarray(0, -1)];
      upload.size -= 1;
    }
    let received = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      upload.bytes.push(chunk);
      upload.size += chunk.length;
      received += chunk.length;
      if (this.cutAfterBytes !== null && received >= this.cutAfterBytes) {
        this.cutAfterBytes = null;
        request.socket.destroy();
        return;
      }
    }
    if (upload.size === upload.length) {
      upload.done = true;
      const bytes = Buffer.concat(upload.bytes);
      if (upload.facts.sha256 !== undefined && sha256(bytes) !== upload.facts.sha256) {
        delete upload.done;
        upload.gone = { status: 410, code: 'checksum-mismatch' };
        return problem(response, 410, 'checksum-mismatch');
      }
      const path = upload.facts.path ?? '';
      this.items.set(path, this.put(`Photos/alice/${path}`, bytes, Number(upload.facts.mtime)).id);
    }
    response.writeHead(status, { 'tus-resumable': '1.0.0', 'upload-offset': upload.size }).end();
  }

  #original(id: number, request: IncomingMessage, response: ServerResponse): void {
    const asset = this.assets.get(id);
    if (asset === undefined) {
      problem(response, 404, 'not-found');
      return;
    }
    const etag = `"${asset.sha256}"`;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const ranged = from > 0 && (request.headers['if-range'] ?? etag) === etag;
    const bytes = ranged ? asset.bytes.subarray(from) : asset.bytes;
    const range = ranged ? { 'content-range': `bytes ${from}-${asset.size - 1}/${asset.size}` } : {};
    response.writeHead(ranged ? 206 : 200, { etag, 'content-length': bytes.length, ...range });
    if (request.method === 'HEAD') response.end();
    else if (this.cutAfterBytes !== null && bytes.length > this.cutAfterBytes) {
      const { cutAfterBytes } = this;
      this.cutAfterBytes = null;
      response.write(bytes.subarray(0, cutAfterBytes), () => setTimeout(() => response.destroy(), 50));
    } else response.end(bytes);
  }
}

function view(asset: StoredAsset | undefined): object | null {
  if (asset === undefined) return null;
  const { id, path, size, sha256: hash, mtime } = asset;
  return { id, path, name: path, kind: 'photo', size, sha256: hash, mtime, capturedAt: 1_500_000_000_000 };
}

/** Also on the port that it had before, which another may have for a moment. */
async function listen(server: http.Server, port: number): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const heard = once(server, 'listening');
    server.listen(port, '127.0.0.1');
    try {
      await heard;
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Each answer once for those in a row that have it. */
function inRuns(answers: readonly object[]): object[] {
  const runs: Array<{ answer: object; times: number }> = [];
  for (const answer of answers) {
    const last = runs.at(-1);
    if (JSON.stringify(last?.answer) === JSON.stringify(answer)) (last as { times: number }).times += 1;
    else runs.push({ answer, times: 1 });
  }
  return runs.map(({ answer, times }) => (times === 1 ? answer : { ...answer, times }));
}

export function problem(response: ServerResponse, status: number, code: string, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify({ status, code, detail: `The sentence of ${code}.` }));
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
