/**
 * Where a copy is, in the engine's terms: its repository, what its environment says, the files that ssh needs. Secrets are
 * in the environment of the child and in files of mode 0600 in the state folder, never among its arguments.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../platform/commands.ts';
import { type Destination, destinationsOf } from '../platform/destinations.ts';
import { replaceFileDurably } from '../platform/durable-files.ts';
import { systemCode } from '../platform/errors.ts';
import type { OffboxTarget } from './contract.ts';
import { offboxFailed } from './reasons.ts';

/** What one run of the engine is given; `secrets`: what must not be in anything that it says. */
export type Remote = Readonly<{
  env: Readonly<Record<string, string>>;
  options: readonly string[];
  secrets: readonly string[];
  /** What says why nobody came in, where the engine does not. */
  probe?: readonly string[];
}>;
export type RemoteFacts = Readonly<{
  target: OffboxTarget;
  password: string;
  secret: string | null;
  sshKey: string | null;
  knownHosts: string;
}>;

const folderName = 'offbox';
const commandMs = 20_000;
/** Of each, a few: they hold parts of files in memory. */
const connections = 2;

export function offboxDir(stateDir: string): string {
  return join(stateDir, folderName);
}

/** Which place on the network that is. */
export function destinationsOfTarget(target: OffboxTarget): Destination[] {
  if (target.kind === 'sftp') return [{ protocol: 'tcp', host: target.host, port: target.port }];
  return target.kind === 'folder' ? [] : destinationsOf(target.url);
}

/** Writes what ssh reads. */
export async function remoteFor(facts: RemoteFacts, stateDir: string): Promise<Remote> {
  const dir = offboxDir(stateDir);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const { target, password, secret } = facts;
  const remote = await placeOf(facts, dir);
  const options = [...remote.options, '-o', `${backendOf(target)}.connections=${connections}`];
  if ('certificate' in target && target.certificate !== undefined) {
    const file = join(dir, 'authority.pem');
    await replaceFileDurably(file, target.certificate, 0o600);
    options.push('--cacert', file);
  }
  const secrets = [password, secret ?? ''].filter((one) => one !== '');
  return { ...remote, env: { ...remote.env, RESTIC_PASSWORD: password }, options, secrets };
}

/** What was seen of the other machine's keys; '' when nothing was. */
export async function knownHostsIn(stateDir: string): Promise<string> {
  return await readFile(join(offboxDir(stateDir), 'known_hosts'), 'utf8').catch(() => '');
}

export async function forgetFiles(stateDir: string): Promise<void> {
  await rm(offboxDir(stateDir), { recursive: true, force: true });
}

/** As `ssh-keygen -l` writes it, of the first key. */
export function fingerprintOfHost(knownHosts: string): string | null {
  const key = knownHosts.split('\n', 1)[0]?.split(' ')[2];
  if (key === undefined || key === '') return null;
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

/** A key pair of the box's own for a machine that it copies to. @throws {CodedError} `offbox-failed`: not installed */
export async function newSshKey(stateDir: string, name: string): Promise<{ sshKey: string; sshPublicKey: string }> {
  const dir = offboxDir(stateDir);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'new-key');
  await rm(file, { force: true });
  await rm(`${file}.pub`, { force: true });
  try {
    const comment = `nightjar-${name.replace(/[^A-Za-z0-9-]/g, '')}`;
    const args = ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file];
    const { status } = await runCommand('ssh-keygen', args, { timeoutMs: commandMs, outputBytesMax: 4_096 });
    if (status !== 0) throw offboxFailed('failed');
    const sshPublicKey = (await readFile(`${file}.pub`, 'utf8')).trim();
    return { sshKey: await readFile(file, 'utf8'), sshPublicKey };
  } catch (error) {
    throw systemCode(error) === 'command-missing' ? offboxFailed('not-installed') : error;
  } finally {
    await rm(file, { force: true });
    await rm(`${file}.pub`, { force: true });
  }
}

function backendOf({ kind }: OffboxTarget): string {
  return kind === 'folder' ? 'local' : kind;
}

async function placeOf(
  { target, secret, sshKey, knownHosts }: RemoteFacts,
  dir: string,
): Promise<Pick<Remote, 'options' | 'probe'> & { env: Record<string, string> }> {
  switch (target.kind) {
    case 'folder':
      return { env: { RESTIC_REPOSITORY: target.path }, options: [] };
    case 'rest': {
      const url = new URL(target.url);
      url.username = target.user ?? '';
      url.password = target.user === undefined ? '' : encodeURIComponent(secret ?? '');
      return { env: { RESTIC_REPOSITORY: `rest:${url.href}` }, options: [] };
    }
    case 's3': {
      const { url, bucket, prefix, region, user } = target;
      const place = [url.replace(/\/+$/, ''), bucket, ...(prefix === undefined ? [] : [prefix])].join('/');
      return {
        env: {
          RESTIC_REPOSITORY: `s3:${place}`,
          AWS_ACCESS_KEY_ID: user,
          AWS_SECRET_ACCESS_KEY: secret ?? '',
          ...(region !== undefined && { AWS_DEFAULT_REGION: region }),
        },
        options: region === undefined ? [] : ['-o', `s3.region=${region}`],
      };
    }
    case 'sftp': {
      const { host, port, user, path } = target;
      const keyFile = join(dir, 'ssh-key');
      const hostsFile = join(dir, 'known_hosts');
      await replaceFileDurably(keyFile, sshKey ?? '', 0o600);
      await replaceFileDurably(hostsFile, knownHosts, 0o600);
      const configFile = join(dir, 'ssh-config');
      const config = {
        HostName: host,
        Port: String(port),
        User: user,
        IdentityFile: `"${keyFile}"`,
        IdentitiesOnly: 'yes',
        BatchMode: 'yes',
        // Known from the first time on: a machine that has another key later is refused.
        StrictHostKeyChecking: knownHosts === '' ? 'accept-new' : 'yes',
        UserKnownHostsFile: `"${hostsFile}"`,
        GlobalKnownHostsFile: '/dev/null',
        HashKnownHosts: 'no',
        ConnectTimeout: '20',
        ServerAliveInterval: '30',
        ServerAliveCountMax: '6',
      };
      const lines = Object.entries(config).map(([name, value]) => `${name} ${value}\n`);
      await replaceFileDurably(configFile, lines.join(''), 0o600);
      const command = `sftp.command=ssh -F '${configFile}' nightjar -s sftp`;
      return {
        env: { RESTIC_REPOSITORY: `sftp:${user}@${host}:${path}` },
        // As a field of CSV: that is how the engine reads its options.
        options: ['-o', `"${command.replaceAll('"', '""')}"`],
        probe: ['ssh', '-F', configFile, 'nightjar', '-s', 'sftp'],
      };
    }
  }
}
