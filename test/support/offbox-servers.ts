/** The other side of a copy off the box: an ssh server and a REST server, on ports of their own, ended with the test. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** Resolves when somebody listens there. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, '127.0.0.1');
    const came = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (came) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nobody listens on port ${port}.`);
}

abstract class Server {
  port = 0;
  #child: ChildProcess | undefined;

  protected async run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
    const child = spawn(file, args, { stdio: 'ignore', env: { PATH: process.env['PATH'], ...env } });
    this.#child = child;
    await listening(this.port).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
  }

  /** As a pulled plug does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

export class RestServer extends Server {
  readonly #dir: string;
  readonly #appendOnly: boolean;
  static readonly user = 'attic';
  static readonly password = 'a secret/of: the @server';

  constructor(dir: string, { appendOnly = false } = {}) {
    super();
    this.#dir = dir;
    this.#appendOnly = appendOnly;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async start(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true });
    if (this.port === 0) this.port = await freePort();
    const args = [
      'serve',
      'restic',
      '--addr',
      `127.0.0.1:${this.port}`,
      ...(this.#appendOnly ? ['--append-only'] : []),
    ];
    const env = { RCLONE_USER: RestServer.user, RCLONE_PASS: RestServer.password, RCLONE_CONFIG: '/dev/null' };
    await this.run('rclone', [...args, this.#dir], env);
  }
}

export class SshServer extends Server {
  readonly #dir: string;

  /** `dir`: for its keys. */
  constructor(dir: string) {
    super();
    this.#dir = dir;
  }

  get user(): string {
    return userInfo().username;
  }

  /** Lets in who has the private key of this line. */
  letIn(line: string): void {
    writeFileSync(join(this.#dir, 'authorized_keys'), `${line}\n`, { mode: 0o600 });
  }

  /** Another machine, by its key. */
  newHostKey(): void {
    const file = join(this.#dir, 'host-key');
    execFileSync('rm', ['-f', file, `${file}.pub`]);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  }

  async start(): Promise<void> {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    // Only root's own server wants it.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
    if (!existsSync(join(this.#dir, 'host-key'))) this.newHostKey();
    if (this.port === 0) this.port = await freePort();
    const config = [
      `Port ${this.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(this.#dir, 'host-key')}`,
      `AuthorizedKeysFile ${join(this.#dir, 'authorized_keys')}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      'Subsystem sftp internal-sftp',
    ];
    writeFileSync(join(this.#dir, 'config'), `${config.join('\n')}\n`);
    await this.run('/usr/sbin/sshd', ['-D', '-f', join(this.#dir, 'config')]);
  }
}
