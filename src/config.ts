/**
 * The environment, read once into one frozen value. Nothing else reads process.env.
 */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { CodedError } from './platform/errors.ts';

export type Config = Readonly<{
  stateDir: string;
  /** Where the library's disk is mounted, or a folder that stands as one. Undefined: none is configured. */
  diskDir: string | undefined;
  /** Folders that stand as disks which hold the library a second time. */
  mirrorDirs: readonly string[];
  httpPort: number;
  httpsPort: number;
  /** Sockets that listen already, in the place of a port (sd_listen_fds(3)). Undefined: the box opens its own. */
  handedOver: Readonly<{ http: HandedOver | undefined; https: HandedOver | undefined }>;
  /** The box's name: `<name>.local`, unless another box on the network has it. */
  name: string;
  /** False: the box does not make itself known on the network (mDNS). */
  discovery: boolean;
  /** Further host names that the box answers to. */
  hosts: readonly string[];
  /** A certificate of the owner's own for further host names: PEM files. Undefined: none. */
  tlsFiles: Readonly<{ certificate: string; key: string }> | undefined;
  setupCode: string | undefined;
  /** False for a box behind a proxy: then nothing but the welcome page is served over http, also on loopback. */
  loopbackHttp: boolean;
  /** The socket of a worker program that the system starts (on the device). Undefined: the box starts its own. */
  mediaSocket: string | undefined;
  /** Of the share (SMB). 445 is what every computer expects, and not for ordinary users. */
  sharePort: number;
  /** The socket of the program that serves the share, where the system starts it. Undefined: the box starts its own. */
  shareSocket: string | undefined;
  /** The socket of the privileged helper of a device of the box's own. Undefined: it stands on a machine of somebody's. */
  boxHelper: string | undefined;
  /** The file on the boot partition by which a locked-out person is let in again. Undefined: none. */
  bootFile: string | undefined;
  /** Asked for the time, once the owner allows it: `host` or `host:port`, at most three. */
  timeServers: readonly string[];
  logLevel: string;
}>;

/** A listening socket that another program opened, by its file descriptor. */
type HandedOver = Readonly<{ fd: number }>;

/** Of the volunteers' pool; each name stands for other servers every time. */
const timeServers = ['0.pool.ntp.org', '1.pool.ntp.org', '2.pool.ntp.org'];
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** The first one that systemd hands over (sd_listen_fds(3)). */
const firstHandedOver = 3;
const handedOverMax = 16;

/** @param pid of this process. @throws {CodedError} `invalid-request`, naming the variable and what it may be. */
export function readConfig(env: Readonly<Record<string, string | undefined>>, pid: number = process.pid): Config {
  const name = (env['NIGHTJAR_NAME'] ?? 'nightjar').toLowerCase();
  // One DNS label (RFC 1035, section 2.3.1): it becomes `<name>.local`.
  if (!/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/.test(name)) {
    throw invalid('NIGHTJAR_NAME', 'letters, digits and dashes, at most 42 of them');
  }
  const logLevel = env['NIGHTJAR_LOG_LEVEL'] ?? 'info';
  if (!logLevels.includes(logLevel)) throw invalid('NIGHTJAR_LOG_LEVEL', `one of ${logLevels.join(', ')}`);
  const stateDir = env['NIGHTJAR_STATE_DIR'];
  const diskDir = env['NIGHTJAR_DISK_DIR'];
  const setupCode = env['NIGHTJAR_SETUP_CODE'];
  if (setupCode !== undefined && setupCode !== '' && setupCode.length < 8) {
    throw invalid('NIGHTJAR_SETUP_CODE', 'at least 8 characters: whoever knows it owns a new box');
  }
  const bootFile = env['NIGHTJAR_BOOT_FILE'];
  const boxHelper = env['NIGHTJAR_BOX_HELPER'];
  const mediaSocket = env['NIGHTJAR_MEDIA_SOCKET'];
  const shareSocket = env['NIGHTJAR_SHARE_SOCKET'];
  return Object.freeze({
    stateDir: resolve(stateDir === undefined || stateDir === '' ? join(process.cwd(), '.run/state') : stateDir),
    diskDir: diskDir === undefined || diskDir === '' ? undefined : resolve(diskDir),
    mirrorDirs: Object.freeze(folderList(env['NIGHTJAR_MIRROR_DIRS'])),
    httpPort: port(env, 'NIGHTJAR_HTTP_PORT', 8080),
    httpsPort: port(env, 'NIGHTJAR_HTTPS_PORT', 8443),
    handedOver: Object.freeze(handedOver(env, pid)),
    name,
    discovery: flag(env, 'NIGHTJAR_DISCOVERY', true),
    tlsFiles: tlsFiles(env['NIGHTJAR_TLS_CERT'], env['NIGHTJAR_TLS_KEY']),
    hosts: Object.freeze(hostList(env['NIGHTJAR_HOSTS'])),
    setupCode: setupCode === '' ? undefined : setupCode,
    loopbackHttp: flag(env, 'NIGHTJAR_LOOPBACK_HTTP', true),
    mediaSocket: mediaSocket === undefined || mediaSocket === '' ? undefined : resolve(mediaSocket),
    sharePort: port(env, 'NIGHTJAR_SHARE_PORT', 8445),
    shareSocket: shareSocket === undefined || shareSocket === '' ? undefined : resolve(shareSocket),
    boxHelper: boxHelper === undefined || boxHelper === '' ? undefined : resolve(boxHelper),
    bootFile: bootFile === undefined || bootFile === '' ? undefined : resolve(bootFile),
    timeServers: Object.freeze(serverList(env['NIGHTJAR_TIME_SERVERS']) ?? timeServers),
    logLevel,
  });
}

function port(env: Readonly<Record<string, string | undefined>>, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw invalid(name, 'a port from 0 to 65535 (0: any free one)');
  return value;
}

/** By their names (systemd.socket(5), FileDescriptorName=). What was meant for another process is none of ours. */
function handedOver(env: Readonly<Record<string, string | undefined>>, pid: number): Config['handedOver'] {
  const count = env['LISTEN_PID'] === String(pid) ? Math.min(Number(env['LISTEN_FDS']) || 0, handedOverMax) : 0;
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':').slice(0, count);
  const named = (name: string) => {
    const index = names.indexOf(name);
    return index === -1 ? undefined : { fd: firstHandedOver + index };
  };
  return { http: named('http'), https: named('https') };
}

function flag(env: Readonly<Record<string, string | undefined>>, name: string, otherwise: boolean): boolean {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw invalid(name, '"on" or "off"');
}

function tlsFiles(certificate = '', key = ''): Config['tlsFiles'] {
  if (certificate === '' && key === '') return undefined;
  if (certificate === '') throw invalid('NIGHTJAR_TLS_KEY', 'a file, together with NIGHTJAR_TLS_CERT');
  if (key === '') throw invalid('NIGHTJAR_TLS_CERT', 'a file, together with NIGHTJAR_TLS_KEY');
  return Object.freeze({ certificate: resolve(certificate), key: resolve(key) });
}

function hostList(text: string | undefined): string[] {
  const hosts = (text ?? '')
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== '');
  if (hosts.length > 16 || hosts.some((host) => !/^[a-z0-9.-]{1,253}$/.test(host))) {
    throw invalid('NIGHTJAR_HOSTS', 'at most 16 host names, with commas between them');
  }
  const own = hostname().toLowerCase();
  return hosts.includes(own) || !/^[a-z0-9.-]{1,253}$/.test(own) ? hosts : [...hosts, own];
}

function folderList(text = ''): string[] {
  const folders = text.split(':').filter((folder) => folder !== '');
  if (folders.length > 8) throw invalid('NIGHTJAR_MIRROR_DIRS', 'at most 8 folders, with colons between them');
  return folders.map((folder) => resolve(folder));
}

function serverList(text = ''): string[] | undefined {
  const servers = text.split(',').flatMap((server) => server.trim() || []);
  const form = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:\d{1,5})?$/i;
  if (servers.length > 3 || servers.some((server) => !form.test(server))) {
    throw invalid('NIGHTJAR_TIME_SERVERS', 'at most 3 host names or addresses, with commas between them');
  }
  return servers.length === 0 ? undefined : servers;
}

function invalid(name: string, allowed: string): CodedError {
  return new CodedError('invalid-request', `${name} is not usable: it takes ${allowed}. Nothing was started.`);
}
