/** Starts what is measured, each on a fresh folder, and says how to send to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ask, jsonBody } from '../support/asking.ts';
import { freePort } from '../support/free-port.ts';
import { makeCertificates } from '../support/test-box.ts';
import { freshFolder } from './machine.ts';
import type { Door } from './workloads.ts';

export type Running = Readonly<{
  pid: number;
  /** The name of a file is put right behind it. */
  url: string;
  door: Door;
  token: string | null;
  /** False: what it answered is not on the disk yet, and the clock runs until it is. */
  durable: boolean;
  /** Where it keeps what it received. */
  files: string;
  stop: () => Promise<void>;
}>;

export type Place = Readonly<{ dir: string; tls: Tls | undefined }>;
export type Tls = Readonly<{ key: string; chain: string }>;
export type Start = (place: Place) => Promise<Running>;

const root = new URL('../..', import.meta.url).pathname;
const startMsMax = 20_000;
const host = '127.0.0.1';

/** One key of the kind that the box makes for itself (P-256), for every server that is not the box. */
export async function makeTls(dir: string): Promise<Tls> {
  const { key, cert } = await makeCertificates();
  const tls = { key: join(dir, 'key.pem'), chain: join(dir, 'chain.pem') };
  writeFileSync(tls.key, key, { mode: 0o600 });
  writeFileSync(tls.chain, cert);
  return tls;
}

/** The daemon, as it is, by its tus door. */
export async function nightjar(place: Place): Promise<Running> {
  const { program, url, token, files } = await box(place);
  const { pid, stop } = program;
  return { pid, url: `${url}/api/uploads`, door: 'tus', token, durable: true, files, stop };
}

/** The same by the door for Nextcloud's apps: `token` is the name and the password of one, as Basic wants them. */
export async function nightjarForApps(place: Place): Promise<Running> {
  const { program, url, token, files, ask } = await box(place);
  const { pid, stop } = program;
  const made = await ask('POST', '/api/connections', `Bearer ${token}`, { door: 'nextcloud' });
  const { user, password } = made.json() as { user: string; password: string };
  const pass = Buffer.from(`${user}:${password}`).toString('base64');
  const folder = `/remote.php/dav/files/${user}/DCIM`;
  await ask('MKCOL', folder, `Basic ${pass}`);
  return { pid, url: `${url}${folder}/`, door: 'webdav', token: pass, durable: true, files, stop };
}

/** Set up, with one paired phone. */
async function box({ dir, tls }: Place) {
  const [state, disk] = [join(dir, 'state'), join(dir, 'disk')];
  await mkdir(disk);
  const setupCode = 'bench-setup-code';
  const program = start(process.execPath, [...profiling(), join(root, 'src/main.ts')], {
    ...process.env,
    NIGHTJAR_STATE_DIR: state,
    NIGHTJAR_DISK_DIR: disk,
    NIGHTJAR_HTTP_PORT: '0',
    NIGHTJAR_HTTPS_PORT: '0',
    NIGHTJAR_SETUP_CODE: setupCode,
    NIGHTJAR_DISCOVERY: 'off',
  });
  const ready = await program.firstLine('httpPort');
  const { httpPort: port, httpsPort } = ready as { httpPort: number; httpsPort: number };
  const asked = async (method: string, path: string, it: { body?: string; headers?: Record<string, string> }) => {
    const answer = await ask({ port, method, path, ...it });
    if (answer.status !== 201) throw new Error(`${path} was answered with ${answer.status}: ${answer.text}`);
    return answer;
  };
  const post = (path: string, value: object, more: Record<string, string> = {}) => {
    const { body, headers } = jsonBody(value);
    return asked('POST', path, { body, headers: { ...headers, ...more } });
  };
  const claimed = await post('/api/setup', { code: setupCode, person: 'alice', password: 'four words are fine here' });
  const cookie = String(claimed.headers['set-cookie']).split(';')[0] ?? '';
  const paired = await post('/api/pairings', { phone: 'Bench' }, { cookie });
  const secret = new URLSearchParams(new URL(String(paired.json()['link'])).hash.slice(1)).get('s');
  const { token } = (await post('/api/pairings/redeem', { secret })).json();
  return {
    program,
    url: tls === undefined ? `http://${host}:${port}` : `https://${host}:${httpsPort}`,
    token: String(token),
    files: join(disk, 'Photos'),
    ask: (method: string, path: string, authorization: string, value?: object) =>
      value === undefined ? asked(method, path, { headers: { authorization } }) : post(path, value, { authorization }),
  };
}

/** Bare node:http over a step of our own way of receiving; `store` is all of it. See bare-server.ts. */
export function bare(step: 'drop' | 'hash' | 'write' | 'sync' | 'store'): Start {
  return async ({ dir, tls }) => {
    const program = start(process.execPath, [
      ...profiling(),
      join(root, 'test/bench/bare-server.ts'),
      ...[step, dir, ...(tls === undefined ? [] : [tls.key, tls.chain])],
    ]);
    const { port } = (await program.firstLine('port')) as { port: number };
    const durable = step === 'store' || step === 'sync';
    return putServer(program, port, tls, { durable, files: dir });
  };
}

export async function rclone({ dir, tls }: Place): Promise<Running> {
  const files = await freshFolder(join(dir, 'files'));
  const port = await freePort();
  const secure = tls === undefined ? [] : ['--cert', tls.chain, '--key', tls.key];
  const args = ['serve', 'webdav', files, '--addr', `${host}:${port}`, '--config', '/dev/null', ...secure];
  const program = start('rclone', args);
  await listening(port);
  return putServer(program, port, tls, { durable: false, files });
}

export async function nginx(place: Place): Promise<Running> {
  return await startNginx(place, { modules: '', methods: 'dav_methods PUT;' });
}

/** With the module that lists folders (Debian: libnginx-mod-http-dav-ext), by its path. */
export function listingNginx(module: string): Start {
  return (place) =>
    startNginx(place, { modules: `load_module ${module};`, methods: 'dav_ext_methods PROPFIND OPTIONS;' });
}

async function startNginx({ dir, tls }: Place, it: { modules: string; methods: string }): Promise<Running> {
  const files = await freshFolder(join(dir, 'files'));
  const port = await freePort();
  const config = join(dir, 'nginx.conf');
  const secure =
    tls === undefined ? '' : `ssl_certificate ${tls.chain}; ssl_certificate_key ${tls.key}; ssl_protocols TLSv1.3;`;
  await writeFile(
    config,
    `${it.modules}
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; worker_processes auto; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log warn;
    events { worker_connections 64; }
    http {
      access_log off;
      server {
        listen ${host}:${port}${tls === undefined ? '' : ' ssl'};
        ${secure}
        root ${files};
        client_max_body_size 0;
        # On the same filesystem: a finished file is renamed into place, not copied.
        client_body_temp_path ${dir}/body;
        ${it.methods}
        create_full_put_path on;
        keepalive_requests 100000;
      }
    }`,
  );
  const program = start('nginx', ['-c', config, '-p', dir, '-e', join(dir, 'nginx.log')]);
  await listening(port);
  return putServer(program, port, tls, { durable: false, files });
}

function putServer(
  program: Program,
  port: number,
  tls: Tls | undefined,
  it: { durable: boolean; files: string },
): Running {
  const url = `${tls === undefined ? 'http' : 'https'}://${host}:${port}/`;
  return { pid: program.pid, url, door: 'put', token: null, stop: program.stop, ...it };
}

type Program = {
  pid: number;
  firstLine: (withMember: string) => Promise<object>;
  stop: () => Promise<void>;
};

function start(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  child.stdout.resume();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    firstLine: (member) => jsonLine(child, member),
    stop: async () => {
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), startMsMax);
      await ended;
      clearTimeout(limit);
    },
  };
}

/** The first line of output that is JSON and has this member. The rest of the output is read and dropped. */
function jsonLine(child: ChildProcess, member: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('A server did not start in time.')), startMsMax);
    child.once('exit', () => reject(new Error('A server ended before it was ready.')));
    if (child.stdout === null) return;
    createInterface(child.stdout).on('line', (line) => {
      if (!line.startsWith('{') || !line.includes(`"${member}"`)) return;
      clearTimeout(limit);
      resolve(JSON.parse(line) as object);
    });
  });
}

async function listening(port: number): Promise<void> {
  const until = performance.now() + startMsMax;
  while (performance.now() < until) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('A server did not start in time.');
}

/** Set by `--profile DIR`: the servers of this project leave CPU profiles there. */
let profileDir: string | undefined;
export function profileInto(dir: string): void {
  profileDir = dir;
}
function profiling(): string[] {
  return profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
}
