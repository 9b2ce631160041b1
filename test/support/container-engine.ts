/**
 * A Docker engine: the one that runs here, else one of the tests' own, with its own folder and socket and without networks of
 * its own (containers use the host's, as Nightjar's do); ended by its number, and nothing of it stays.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const readyMsMax = 60_000;
const stopMsMax = 30_000;
const outputBytesMax = 8 * 1024 * 1024;
const toolPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Why there is none and none can be started; undefined: there is, or it can. */
export async function engineMissing(): Promise<string | undefined> {
  for (const tool of ['docker', 'zstd']) {
    if (!(await has(tool))) return `${tool} is not installed (Debian: docker.io zstd)`;
  }
  if ((await runningEngine()) !== undefined) return undefined;
  if (process.getuid?.() !== 0) return 'no Docker engine runs, and starting one needs root';
  return (await has('dockerd')) ? undefined : 'dockerd is not installed (Debian: docker.io)';
}

export class ContainerEngine {
  /** As DOCKER_HOST has it. */
  readonly host: string;
  readonly #dir: string | undefined;
  readonly #daemon: ChildProcess | undefined;

  private constructor(host: string, own?: { dir: string; daemon: ChildProcess }) {
    this.host = host;
    this.#dir = own?.dir;
    this.#daemon = own?.daemon;
  }

  static async start(): Promise<ContainerEngine> {
    const there = await runningEngine();
    if (there !== undefined) return new ContainerEngine(there);
    // Short: a socket's path may have 107 bytes.
    const dir = await mkdtemp('/tmp/nje-');
    const host = `unix://${dir}/docker.sock`;
    const folders = ['--data-root', `${dir}/data`, '--exec-root', `${dir}/exec`, '--pidfile', `${dir}/pid`];
    const networks = ['--bridge=none', '--iptables=false', '--ip6tables=false'];
    const daemon = spawn('dockerd', ['--host', host, ...folders, ...networks, '--log-level=warn'], {
      env: { PATH: toolPath },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    process.once('exit', () => daemon.kill());
    let said = '';
    daemon.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-16_384);
    });
    const engine = new ContainerEngine(host, { dir, daemon });
    for (const deadline = Date.now() + readyMsMax; !(await answers(host)); await wait(100)) {
      if (daemon.exitCode === null && Date.now() < deadline) continue;
      await engine.stop();
      throw new Error(`dockerd does not answer:\n${said}`);
    }
    return engine;
  }

  /** The `docker` command against this engine: what it wrote. @throws when it failed. */
  async docker(...args: string[]): Promise<string> {
    return (await run('docker', args, { env: this.env, maxBuffer: outputBytesMax })).stdout;
  }

  get env(): Record<string, string> {
    return { PATH: toolPath, DOCKER_HOST: this.host };
  }

  /** One that ran before goes on. */
  async stop(): Promise<void> {
    const [dir, daemon] = [this.#dir, this.#daemon];
    if (dir === undefined || daemon === undefined) return;
    if (daemon.exitCode === null) {
      const over = new Promise((resolve) => daemon.once('close', resolve));
      daemon.kill();
      await Promise.race([over, wait(stopMsMax)]);
      daemon.kill('SIGKILL');
    }
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
    for (const point of mounts.filter((one) => one.startsWith(`${dir}/`)).reverse()) await run('umount', ['-l', point]);
    await rm(dir, { recursive: true, force: true });
  }
}

async function runningEngine(): Promise<string | undefined> {
  const host = process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock';
  return (await answers(host)) ? host : undefined;
}

async function answers(host: string): Promise<boolean> {
  const env = { PATH: toolPath, DOCKER_HOST: host };
  return await run('docker', ['info', '--format', '{{.ServerVersion}}'], { env, timeout: 10_000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}

async function has(tool: string): Promise<boolean> {
  return await run('sh', ['-c', 'command -v "$1"', 'sh', tool], { env: { PATH: toolPath } }).then(
    () => true,
    () => false,
  );
}
