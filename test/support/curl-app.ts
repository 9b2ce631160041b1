/**
 * A backup app as curl can play it: the real program's requests over HTTP/1.1, with that app's name and headers, and its
 * answers read as that app reads them.
 */
import { spawn } from 'node:child_process';
import { readMultistatus, type Told } from './multistatus.ts';

export type CurlAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  text: string;
}>;
export type CurlSent = Readonly<{
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Nothing of who is asking. */
  anonymous?: boolean;
  /** Options of the program itself. */
  options?: readonly string[];
}>;
export type Credential = Readonly<{ user: string; password: string }>;

const secondsMax = '120';
const answerBytesMax = 256 * 1024 * 1024;
const prefixes = 'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"';

export class CurlApp {
  readonly #server: () => string;
  readonly #agent: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly credential: Credential;

  /** `server`: asked each time, since a restart changes the port. */
  constructor(server: () => string, it: { agent: string; headers?: Record<string, string>; credential: Credential }) {
    this.#server = server;
    this.#agent = it.agent;
    this.#headers = it.headers ?? {};
    this.credential = it.credential;
  }

  /** The same app, let in otherwise. */
  as(credential: Credential): CurlApp {
    return new CurlApp(this.#server, { agent: this.#agent, headers: { ...this.#headers }, credential });
  }

  get server(): string {
    return this.#server();
  }

  file(path = ''): string {
    return `/remote.php/dav/files/${this.credential.user}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  part(folder: string, name = ''): string {
    return `/remote.php/dav/uploads/${this.credential.user}/${folder}${name === '' ? '' : `/${name}`}`;
  }

  /** `path`: below the server, or a whole address. @throws when curl itself fails. */
  async ask(method: string, path: string, sent: CurlSent = {}): Promise<CurlAnswer> {
    const { code, output, said } = await this.run(method, path, sent);
    if (code !== 0) throw new Error(`curl ended with ${code}: ${said}`);
    return answerFrom(output);
  }

  /** Also of a request that does not end well: curl's own exit code. */
  run(
    method: string,
    path: string,
    sent: CurlSent = {},
  ): Promise<{ code: number | null; output: Buffer; said: string }> {
    const { headers = {}, body, anonymous = false, options = [] } = sent;
    // What curl adds by itself, no app sends.
    const all = { Expect: '', Accept: '*/*', ...(body === undefined ? {} : { 'Content-Type': '' }), ...this.#headers };
    const { user, password } = this.credential;
    const args = [
      ...['--http1.1', '--silent', '--show-error', '--include', '--globoff', '--path-as-is', '--max-time', secondsMax],
      ...(method === 'HEAD' ? ['--head'] : ['--request', method]),
      ...['--user-agent', this.#agent],
      ...(anonymous ? [] : ['--user', `${user}:${password}`]),
      ...Object.entries({ ...all, ...headers }).flatMap(([name, value]) => [
        '--header',
        `${name}:${value && ` ${value}`}`,
      ]),
      ...(body === undefined ? [] : ['--data-binary', '@-']),
      ...options,
      path.startsWith('/') ? `${this.server}${path}` : path,
    ];
    return runCurl(args, body);
  }

  put(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<CurlAnswer> {
    return this.ask('PUT', this.file(path), { headers, body });
  }

  /** By the destination's whole address, as the apps send it. */
  move(from: string, to: string, headers: Record<string, string> = {}): Promise<CurlAnswer> {
    return this.ask('MOVE', from, {
      headers: { Destination: `${this.server}${this.file(to)}`, Overwrite: 'T', ...headers },
    });
  }

  /** By literal prefixes, and of the first `propstat` alone, as the iOS app reads it. */
  async find(path: string, depth: '0' | '1', properties: readonly string[]): Promise<Told[]> {
    const answer = await this.propfind(path, depth, properties);
    if (answer.status !== 207) throw new Error(`Not listed: ${answer.status} ${answer.text}`);
    return readMultistatus(answer.text);
  }

  propfind(path: string, depth: string, properties: readonly string[]): Promise<CurlAnswer> {
    const names = properties.map((name) => `<${name}/>`).join('');
    const body = `<?xml version="1.0" encoding="UTF-8"?><d:propfind ${prefixes}><d:prop>${names}</d:prop></d:propfind>`;
    return this.ask('PROPFIND', path, { headers: { Depth: depth, 'Content-Type': 'application/xml' }, body });
  }
}

function runCurl(
  args: readonly string[],
  body: string | Uint8Array | undefined,
): Promise<{ code: number | null; output: Buffer; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('curl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    let bytes = 0;
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesMax) child.kill();
      else output.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: Buffer.concat(output), said }));
    // It may have its answer before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(body);
  });
}

/** The last answer: those before it only say that more may come. */
function answerFrom(output: Buffer): CurlAnswer {
  let rest = output;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`No answer: ${output.toString('latin1', 0, 200)}`);
    const [first = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n');
    rest = rest.subarray(end + 4);
    const status = Number(first.split(' ')[1]);
    if (status < 200) continue;
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    return { status, headers, body: rest, text: rest.toString() };
  }
}
