/** A backup app of one phone, speaking WebDAV to a box by hand, so that a test can say every header and byte itself. */
import type { App } from './app.ts';
import { type Answer, ask } from './asking.ts';
import { type AppPassword, basic, connect } from './callers.ts';
import type { HandPhone } from './hand-phone.ts';
import { readMultistatus, type Told } from './multistatus.ts';

type Sent = Readonly<{ headers?: Record<string, string>; body?: string | Uint8Array }>;

const allPrefixes = 'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"';

export class DavApp {
  readonly #app: Pick<App, 'httpPort'>;
  readonly user: string;
  readonly password: string;
  readonly id: number;

  private constructor(app: Pick<App, 'httpPort'>, connection: AppPassword & { id: number }) {
    this.#app = app;
    this.user = connection.user;
    this.password = connection.password;
    this.id = connection.id;
  }

  /** `app`: a box on loopback; its port is asked for each time, since a restart changes it. */
  static async on(app: Pick<App, 'httpPort'>, phone: HandPhone): Promise<DavApp> {
    return new DavApp(app, await connect(phone));
  }

  /** Of this phone's files, each part encoded. */
  file(path = ''): string {
    return `/remote.php/dav/files/${this.user}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  /** Of the parts of a file. */
  part(folder: string, name = ''): string {
    return `/remote.php/dav/uploads/${this.user}/${folder}${name === '' ? '' : `/${name}`}`;
  }

  ask(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
    const all = { authorization: basic(this), ...headers };
    return ask({ port: this.#app.httpPort, method, path, headers: all, ...(body === undefined ? {} : { body }) });
  }

  put(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    return this.ask('PUT', this.file(path), { headers: { 'content-length': String(length), ...headers }, body });
  }

  /** By the destination's whole address, as apps send it. */
  move(from: string, to: string, headers: Record<string, string> = {}, method = 'MOVE'): Promise<Answer> {
    const destination = `http://127.0.0.1:${this.#app.httpPort}${to}`;
    return this.ask(method, from, { headers: { destination, ...headers } });
  }

  /** What is said of each name. `properties` with the usual prefixes. */
  async find(path: string, depth: 0 | 1, properties: readonly string[]): Promise<Told[]> {
    const names = properties.map((name) => `<${name}/>`).join('');
    const body = `<?xml version="1.0"?><d:propfind ${allPrefixes}><d:prop>${names}</d:prop></d:propfind>`;
    const answer = await this.ask('PROPFIND', path, { headers: { depth: String(depth) }, body });
    if (answer.status !== 207) throw new Error(`Not listed: ${answer.status} ${answer.text}`);
    return readMultistatus(answer.text);
  }

  /** The names directly in a folder. */
  async names(folder = ''): Promise<string[]> {
    const [, ...children] = await this.find(this.file(folder), 1, ['d:resourcetype']);
    return children.map(({ href }) => decodeURIComponent(href.replace(/\/$/, '').split('/').at(-1) ?? '')).sort();
  }
}
