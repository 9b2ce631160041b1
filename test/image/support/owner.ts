/** Who owns the emulated box, in a browser on this side of the forwarded ports: https, the box's own root, its cookies. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { DiskView } from '../../../src/disks/disks-contract.ts';
import type { PiBox } from './pi-box.ts';

const run = promisify(execFile);
/** Passwords are slow to check on purpose, and an emulated processor is slow without one. */
const askMsMax = 180_000;
/** What the box does with a disk, it does in its own time. */
const diskMsMax = 600_000;
/** What is asked next may take so long to arrive. */
const confirmedMsMin = 180_000;
const stepMs = 30_000;
const busyMax = 10;
const ownerPassword = 'a long enough password for tests';

export type Reply = Readonly<{ status: number; text: string }>;

export class Owner {
  readonly #box: PiBox;
  readonly #cookies = new Map<string, string>();
  #root = '';
  /** Of the authenticator app, once there is one. */
  #textKey: string | undefined;
  #stepUsed = 0;

  constructor(box: PiBox) {
    this.#box = box;
  }

  /** Claims the box by the code on its screen. */
  async claim(person = 'Alice'): Promise<void> {
    const code = await setupCodeOn(this.#box);
    await this.trust();
    await this.must(201, 'POST', '/api/setup', { code, person, password: ownerPassword });
  }

  /** Takes the box's root, as the welcome page hands it out. */
  async trust(): Promise<void> {
    this.#root = await new Promise<string>((resolve, reject) => {
      const { http: port } = this.#box.ports;
      const asked = get({ host: '127.0.0.1', port, path: '/nightjar-root.pem', agent: false }, async (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        await once(response, 'close');
        resolve(text);
      });
      asked.once('error', reject);
    });
  }

  async enrol(): Promise<void> {
    const begun = await this.must(201, 'POST', '/api/authenticators', { name: 'Phone' });
    const { id, textKey } = begun as { id: string; textKey: string };
    this.#textKey = textKey;
    await this.must(200, 'POST', `/api/authenticators/${id}/confirm`, { code: await this.#code() });
  }

  /** In a new browser; with a one-time code where there is an authenticator. */
  async signIn(person = 'Alice'): Promise<void> {
    this.#cookies.clear();
    await this.trust();
    await this.must(201, 'POST', '/api/sessions', { person, password: ownerPassword });
    if (this.#textKey === undefined) return;
    await this.must(200, 'POST', '/api/sessions/current/code', { code: await this.#code() });
  }

  /** In the same browser, to a box that was without power meanwhile: signed in still, or again. */
  async comeBack(): Promise<void> {
    if ((await this.ask('GET', '/api/sessions/current')).status !== 200) await this.signIn();
  }

  /** Shows again that it is she, which holds for ten minutes; not when the page would not ask her. */
  async confirm(): Promise<void> {
    const { confirmedUntil } = await this.must(200, 'GET', '/api/sessions/current');
    if (typeof confirmedUntil === 'number' && confirmedUntil - Date.now() > confirmedMsMin) return;
    await this.must(200, 'POST', '/api/sessions/current/confirm', { password: ownerPassword });
  }

  /** A pairing link as it is to be used from here: at the forwarded port. */
  async pairingLink(phone: string): Promise<string> {
    const { link } = (await this.must(201, 'POST', '/api/pairings', { phone })) as { link: string };
    const url = new URL(link);
    const here = `127.0.0.1:${this.#box.ports.https}`;
    const fragment = new URLSearchParams(url.hash.slice(1));
    fragment.set('a', here);
    return `https://${here}${url.pathname}#${fragment}`;
  }

  async disks(): Promise<DiskView[]> {
    return ((await this.must(200, 'GET', '/api/disks')) as { disks: DiskView[] }).disks;
  }

  /** Of the disk with this serial number. Undefined: it is not there (yet). */
  async disk(serial: string): Promise<DiskView | undefined> {
    return (await this.disks()).find((disk) => disk.serial === serial || disk.id.includes(serial));
  }

  /** Asks something of a disk, and waits until it is done. */
  async toDisk(serial: string, verb: string, body?: object): Promise<DiskView> {
    const before = await this.diskThere(serial);
    await this.must(200, 'POST', `/api/disks/${before.id}/${verb}`, body);
    for (const deadline = Date.now() + diskMsMax; ; await pause(1_000)) {
      const disk = await this.disk(serial);
      if (disk !== undefined && disk.doing === null) {
        if (disk.failed !== null) throw new Error(`${verb} failed: ${JSON.stringify(disk.failed)}`);
        return disk;
      }
      if (Date.now() > deadline) throw new Error(`${verb} does not end: ${JSON.stringify(disk)}`);
    }
  }

  async diskThere(serial: string): Promise<DiskView> {
    for (const deadline = Date.now() + diskMsMax; ; await pause(1_000)) {
      const disk = await this.disk(serial);
      if (disk !== undefined && disk.doing === null) return disk;
      if (Date.now() > deadline) throw new Error(`No disk ${serial}: ${JSON.stringify(await this.disks())}`);
    }
  }

  /** Formats a disk, by its typed name, and makes it the library or a mirror. */
  async adopt(serial: string, role: 'library' | 'mirror', filesystem = 'ext4'): Promise<DiskView> {
    await this.confirm();
    const { name } = await this.diskThere(serial);
    await this.toDisk(serial, 'erase', { name, filesystem });
    return await this.toDisk(serial, 'use', { role });
  }

  /** The body of an answer that has to have this status. */
  async must(status: number, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    let reply = await this.ask(method, path, body);
    // "The box is busy ... try again": as an emulated one is now and then with a password.
    for (let again = 0; reply.status === 503 && again < busyMax; again++) {
      await pause(10_000);
      reply = await this.ask(method, path, body);
    }
    if (reply.status !== status) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.text === '' ? {} : (JSON.parse(reply.text) as Record<string, unknown>);
  }

  async ask(method: string, path: string, body?: object | Buffer): Promise<Reply> {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json';
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const asked = request({
      ...{ host: '127.0.0.1', port: this.#box.ports.https, method, path, ca: this.#root, agent: false },
      timeout: askMsMax,
      headers: {
        ...(bytes === undefined ? {} : { 'content-type': type, 'content-length': String(bytes.length) }),
        ...(this.#cookies.size === 0
          ? {}
          : { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
      },
    });
    asked.once('timeout', () => asked.destroy(new Error(`No answer to ${method} ${path}`)));
    asked.once('error', reject);
    asked.once('response', async (response) => {
      for (const cookie of response.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        this.#cookies.set(name, value);
      }
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.end(bytes);
    return await promise;
  }

  /** As the app on her phone shows it; of a step that was not used before. */
  async #code(): Promise<string> {
    while (Math.floor(Date.now() / stepMs) <= this.#stepUsed) await pause(500);
    this.#stepUsed = Math.floor(Date.now() / stepMs);
    const key = (this.#textKey ?? '').replaceAll(' ', '');
    const at = `@${(this.#stepUsed * stepMs) / 1_000}`;
    return (await run('oathtool', ['--totp', '--base32', `--now=${at}`, key])).stdout.trim();
  }
}

/** The setup code as it stands on the box's screen: four groups of four. */
export async function setupCodeOn(box: PiBox): Promise<string> {
  const from = box.boots.at(-1)?.consoleFrom ?? 0;
  const [, code = ''] = await box.console.until(/setup code:\s*([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})\b/i, { since: from });
  return code;
}
