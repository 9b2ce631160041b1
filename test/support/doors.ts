/** The doors by which files come, each as one client uses it, under the same verbs: for suites that any door must pass. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { basic } from './callers.ts';
import { DavApp } from './dav-app.ts';
import type { HandPhone } from './hand-phone.ts';

export type Outcome = Readonly<{ status: number; text: string }>;

/** An upload that may be gone on with. `offset` undefined: the file is whole and safe. */
export interface Sending {
  /** Goes on at `offset`, with the rest or a piece of it. */
  append(offset: number, bytes: Buffer): Promise<Outcome>;
  /** The same, and the connection goes after `sent` bytes. */
  breakOff(offset: number, bytes: Buffer, sent: number): Promise<void>;
  /** How many bytes the box says that it has. */
  offset(): Promise<number | undefined>;
  /** After the last byte: whether the whole is safe. */
  finish(): Promise<Outcome>;
}

export interface Door {
  readonly name: string;
  /** A whole file, as this door's clients send one that is not large. */
  send(path: string, bytes: Buffer): Promise<Outcome>;
  begin(path: string, bytes: Buffer): Promise<Sending>;
}

export const isSafe = ({ status }: Outcome): boolean => status === 201 || status === 204;

export class TusDoor implements Door {
  readonly name = 'tus';
  readonly #phone: HandPhone;
  readonly #port: () => number;

  constructor(phone: HandPhone, port: () => number) {
    this.#phone = phone;
    this.#port = port;
  }

  async send(path: string, bytes: Buffer): Promise<Outcome> {
    const { status, text, headers } = await this.#phone.create(bytes.length, { path }, bytes);
    // Less than its length: it came, and is not safe.
    return { status: status === 201 && headers['upload-offset'] !== String(bytes.length) ? 202 : status, text };
  }

  async begin(path: string, bytes: Buffer): Promise<Sending> {
    const { headers, status, text } = await this.#phone.create(bytes.length, { path });
    const location = headers.location;
    if (location === undefined) throw new Error(`Not begun: ${status} ${text}`);
    const phone = this.#phone;
    let last: Outcome = { status: 0, text: '' };
    const offset = async () => {
      const { headers: told } = await phone.tus('HEAD', location);
      const at = Number(told['upload-offset']);
      return at === bytes.length ? undefined : at;
    };
    return {
      append: async (at, piece) => (last = await phone.patch(location, at, piece)),
      breakOff: (at, piece, sent) =>
        cutOff(this.#port(), 'PATCH', location, piece, sent, {
          authorization: `Bearer ${phone.token}`,
          'tus-resumable': '1.0.0',
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(at),
        }),
      offset,
      finish: async () => ((await offset()) === undefined ? { status: 201, text: '' } : last),
    };
  }
}

export class WebDavDoor implements Door {
  readonly name = 'WebDAV';
  readonly #app: DavApp;
  readonly #port: () => number;

  private constructor(app: DavApp, port: () => number) {
    this.#app = app;
    this.#port = port;
  }

  static async on(phone: HandPhone, port: () => number): Promise<WebDavDoor> {
    const box = {
      get httpPort() {
        return port();
      },
    };
    return new WebDavDoor(await DavApp.on(box, phone), port);
  }

  send(path: string, bytes: Buffer): Promise<Outcome> {
    return this.#app.put(path, bytes, { 'x-nc-webdav-auto-mkcol': '1' });
  }

  /** In chunks, gone on with as the Android app does: by what is listed. */
  async begin(path: string, bytes: Buffer): Promise<Sending> {
    const app = this.#app;
    const folder = createHash('md5').update(path).update(bytes).digest('hex');
    const { status, text } = await app.ask('MKCOL', app.part(folder));
    if (status !== 201) throw new Error(`Not begun: ${status} ${text}`);
    const listed = async () => {
      const look = await app.ask('PROPFIND', app.part(folder), { headers: { depth: '0' } });
      if (look.status === 404) return undefined;
      const [, ...parts] = await app.find(app.part(folder), 1, ['d:getcontentlength']);
      const length = parts.reduce((sum, { found }) => sum + Number(found['d:getcontentlength']), 0);
      return { length, next: String(parts.length + 1).padStart(6, '0') };
    };
    const place = async (offset: number) => {
      const there = await listed();
      if (there?.length !== offset) throw new Error(`The box lists ${there?.length} bytes, not ${offset}.`);
      return app.part(folder, there.next);
    };
    return {
      append: async (offset, piece) => {
        const headers = { 'content-length': String(piece.length) };
        return await app.ask('PUT', await place(offset), { headers, body: piece });
      },
      breakOff: async (offset, piece, sent) =>
        cutOff(this.#port(), 'PUT', await place(offset), piece, sent, { authorization: basic(app) }),
      offset: async () => (await listed())?.length,
      finish: () =>
        app.move(app.part(folder, '.file'), app.file(path), {
          'oc-total-length': String(bytes.length),
          'x-nc-webdav-auto-mkcol': '1',
        }),
    };
  }
}

/** Announces all of `bytes`, sends the first `sent`, and goes. */
function cutOff(
  port: number,
  method: string,
  path: string,
  bytes: Buffer,
  sent: number,
  headers: Record<string, string>,
): Promise<void> {
  return new Promise((resolve) => {
    const all = { ...headers, 'content-length': String(bytes.length) };
    const sending = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false });
    sending.on('error', () => undefined);
    sending.once('close', () => resolve());
    sending.write(bytes.subarray(0, sent), () => sending.destroy());
  });
}
