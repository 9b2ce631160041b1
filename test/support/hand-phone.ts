/** A paired phone that speaks to a box by hand, so that a test can say every header and byte itself. */
import { type Answer, ask, jsonBody, type Question } from './asking.ts';

export type Metadata = Readonly<Record<string, string>>;

/** tus Upload-Metadata (tus 1.0.0, Creation). */
export function metadata(values: Metadata): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

export class HandPhone {
  readonly #port: () => number;
  readonly token: string;
  readonly phoneId: string;

  /** `port`: of the box's http door on loopback; asked each time, since a restart changes it. */
  constructor(port: () => number, paired: { token: string; phoneId: string }) {
    this.#port = port;
    this.token = paired.token;
    this.phoneId = paired.phoneId;
  }

  ask(method: string, path: string, more: Omit<Question, 'method' | 'path'> = {}): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.token}`, ...more.headers };
    return ask({ port: this.#port(), method, path, ...more, headers });
  }

  json(method: string, path: string, value: unknown): Promise<Answer> {
    const { body, headers } = jsonBody(value);
    return this.ask(method, path, { body, headers });
  }

  tus(method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array): Promise<Answer> {
    const type: Record<string, string> =
      body === undefined ? {} : { 'content-type': 'application/offset+octet-stream' };
    const all = { 'tus-resumable': '1.0.0', ...type, ...headers };
    return this.ask(method, path, body === undefined ? { headers: all } : { headers: all, body });
  }

  /** Creates an upload, with its first bytes if given. */
  create(length: number, facts: Metadata, body?: Uint8Array): Promise<Answer> {
    const headers = { 'upload-length': String(length), 'upload-metadata': metadata(facts) };
    return this.tus('POST', '/api/uploads', headers, body);
  }

  patch(location: string, offset: number, body: Uint8Array): Promise<Answer> {
    return this.tus('PATCH', location, { 'upload-offset': String(offset) }, body);
  }

  /** Sends a whole file at once and returns where it was; throws when the box did not say that it is safe. */
  async send(path: string, bytes: Uint8Array, facts: Metadata = {}): Promise<string> {
    const answer = await this.create(bytes.length, { path, ...facts }, bytes);
    const { location, 'upload-offset': offset } = answer.headers;
    if (answer.status !== 201 || offset !== String(bytes.length) || location === undefined) {
      throw new Error(`${path} was not taken: ${answer.status} ${answer.text}`);
    }
    return location;
  }

  /** Every file of the person's library, in the order in which they came. */
  async library(query = ''): Promise<{ assets: AssetSeen[]; next: string | null }> {
    const answer = await this.ask('GET', `/api/assets${query}`);
    if (answer.status !== 200) throw new Error(`The library was not listed: ${answer.status} ${answer.text}`);
    return answer.json() as { assets: AssetSeen[]; next: string | null };
  }
}

export type AssetSeen = Readonly<{ id: number; path: string; size: number; sha256: string; capturedAt: number }>;
