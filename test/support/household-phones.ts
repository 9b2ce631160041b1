/**
 * The phones of a household that lives for many nights: what each holds, and how its app sends it. `nightjar-phone` says
 * what it has, by the tus door; the others come by the WebDAV door, each with its own app's order of questions.
 */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { App } from './app.ts';
import { DavApp } from './dav-app.ts';
import { exifJpeg } from './exif-jpeg.ts';
import type { HandPhone } from './hand-phone.ts';

type Kind = 'nightjar-phone' | 'android' | 'ios' | 'photosync';
type Sent = Readonly<{ name: string; bytes: Buffer; key: string; mtime: number }>;
/** Where a thing that is sent stops for tonight: after so many of its parts. */
type Broken = Readonly<{ key: string; parts: number }>;
export type Night = Readonly<{ stalled?: boolean; broken?: Broken }>;

/** What the iOS app sends in parts: 100 MB of it, scaled. */
const partBytes = 15_000;
const atOnce = 4;

export class Member {
  readonly name: string;
  readonly held: Sent[] = [];
  phone: HandPhone;
  readonly #app: App;
  readonly #person: string;
  readonly #kind: Kind;
  #dav: DavApp | undefined;
  #folder: string;
  /** Keys of `held` that the app knows to be there. */
  readonly #sent = new Set<string>();
  /** Folders that its app has made, or is making. */
  readonly #made = new Map<string, Promise<unknown>>();
  #inventory = 1;

  private constructor(app: App, person: string, name: string, kind: Kind, phone: HandPhone) {
    this.#app = app;
    this.#person = person;
    this.name = name;
    this.#kind = kind;
    this.phone = phone;
    this.#folder = { 'nightjar-phone': 'DCIM', android: 'InstantUpload', ios: 'Photos', photosync: 'Sync' }[kind];
  }

  static async join(app: App, person: string, name: string, kind: Kind): Promise<Member> {
    const member = new Member(app, person, name, kind, await app.pair(person, name));
    await member.#connect();
    return member;
  }

  /** Takes so many, on that day (`yyyy-mm-dd`) at `mtime`. */
  take(count: number, it: { day: string; mtime: number; bytes: number; kind?: 'jpg' | 'mp4' }): void {
    for (let number = 0; number < count; number += 1) {
      const key = `key-${this.held.length + 1}`;
      const seed = createHash('sha256').update(`${this.name} ${key}`).digest().readUInt32BE();
      const bytes = exifJpeg({ seed, bytes: it.bytes, takenLocal: `${it.day}T12:00:00` });
      this.held.push({ name: `${it.day}-${key}.${it.kind ?? 'jpg'}`, bytes, key, mtime: it.mtime });
    }
  }

  /** Comes at night: says what it has if its app does, and sends what it does not know to be there, some at once. */
  async come({ stalled = false, broken }: Night = {}): Promise<void> {
    if (this.#kind === 'nightjar-phone') await this.#tell();
    else expect((await this.#door.ask('GET', '/ocs/v2.php/cloud/capabilities?format=json')).status).toBe(200);
    if (stalled) return;
    const due = this.held.filter(({ key }) => !this.#sent.has(key));
    for (let at = 0; at < due.length; at += atOnce) {
      await Promise.all(due.slice(at, at + atOnce).map((one) => this.#send(one, broken)));
    }
  }

  /**
   * The app, or the phone, is set up anew: another phone to the box with a credential of its own, other names and ids for
   * the same photos, and it knows nothing of what it sent.
   */
  async reinstall(): Promise<void> {
    const before = this.phone.phoneId;
    this.phone = await this.#app.pair(this.#person, this.name);
    expect((await this.#app.console('DELETE', `/api/phones/${before}`)).status).toBe(204);
    await this.#connect();
    this.#sent.clear();
    this.#made.clear();
    this.#folder = 'Restored';
    this.held.splice(0, this.held.length, ...this.held.map((one) => ({ ...one, key: `other-${one.key}` })));
  }

  async #connect(): Promise<void> {
    if (this.#kind === 'nightjar-phone') {
      const plan = { nextAt: null, client: 'nightjar-phone' };
      expect((await this.phone.json('POST', '/api/phone/plan', plan)).status).toBe(204);
      return;
    }
    const was = this.#dav;
    this.#dav = await DavApp.on(this.#app, this.phone);
    // An app tries its password at once; the one before opens nothing any more.
    expect((await this.#dav.ask('HEAD', this.#dav.file())).status).toBe(200);
    if (was !== undefined) expect((await was.ask('HEAD', was.file())).status).toBe(401);
  }

  get #door(): DavApp {
    if (this.#dav === undefined) throw new Error(`${this.name} has no app that speaks WebDAV.`);
    return this.#dav;
  }

  async #tell(): Promise<void> {
    const items = this.held.map(({ name, bytes, key, mtime }) => {
      return { path: `${this.#folder}/${name}`, key, size: bytes.length, mtime };
    });
    expect((await this.phone.json('POST', '/api/phone/items/check', { items })).status).toBe(200);
    this.#inventory += 1;
    const done = await this.phone.json('POST', '/api/phone/inventory/finish', { startedAt: this.#inventory });
    expect(done.status).toBe(200);
  }

  async #send(one: Sent, broken: Broken | undefined): Promise<void> {
    const partsMax = broken?.key === one.key ? broken.parts : Number.POSITIVE_INFINITY;
    if (await this.#sendBy[this.#kind](one, partsMax)) this.#sent.add(one.key);
  }

  /** True: it is there. */
  readonly #sendBy: Readonly<Record<Kind, (one: Sent, partsMax: number) => Promise<boolean>>> = {
    'nightjar-phone': async ({ name, bytes, key, mtime }) => {
      await this.phone.send(`${this.#folder}/${name}`, bytes, { key, mtime: String(mtime) });
      return true;
    },
    // Is there a network, the folder, the file; then the file, and whether it is the same.
    android: async ({ name, bytes, mtime }) => {
      const dav = this.#door;
      expect((await dav.ask('GET', '/index.php/204')).status).toBe(204);
      await this.#folders(`${this.#folder}/Camera`);
      const path = `${this.#folder}/Camera/${name}`;
      expect((await dav.ask('HEAD', dav.file(path))).status).toBe(404);
      const times = { 'x-oc-mtime': String(mtime / 1_000), 'x-oc-ctime': String(mtime / 1_000) };
      const put = await dav.put(path, bytes, { ...times, 'oc-total-length': String(bytes.length) });
      expect(put.status).toBe(201);
      const [found] = await dav.find(dav.file(path), 0, ['d:getetag', 'oc:id']);
      expect(found?.found).toEqual({ 'd:getetag': put.headers.etag, 'oc:id': put.headers['oc-fileid'] });
      return true;
    },
    ios: async ({ name, bytes, mtime }, partsMax) => {
      const dav = this.#door;
      const path = `${this.#folder}/${name.slice(0, 4)}/${name.slice(5, 7)}/${name}`;
      const facts = { 'x-oc-mtime': `${mtime / 1_000}.5`, 'x-nc-webdav-auto-mkcol': '1' };
      if (bytes.length <= partBytes) {
        const put = await dav.put(path, bytes, facts);
        expect([put.status, put.headers['oc-fileid'] !== undefined]).toEqual([201, true]);
        return true;
      }
      return await this.#inParts({
        folder: createHash('md5').update(name).digest('hex'),
        path,
        bytes,
        facts,
        partsMax,
      });
    },
    photosync: async ({ name, bytes }) => {
      await this.#folders(this.#folder);
      expect((await this.#door.put(`${this.#folder}/${name}`, bytes)).status).toBe(201);
      return true;
    },
  };

  /** Each and what is above it, once. */
  async #folders(path: string): Promise<void> {
    const steps = path.split('/');
    for (const [index] of steps.entries()) {
      const folder = steps.slice(0, index + 1).join('/');
      const made = this.#made.get(folder) ?? this.#makeFolder(folder);
      this.#made.set(folder, made);
      await made;
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    expect((await this.#door.ask('MKCOL', this.#door.file(folder))).status).toBe(201);
  }

  /** As the iOS app: looks first, says where it will go, goes on by its own list, unpadded names, and the length with the MOVE. */
  async #inParts({ folder, path, bytes, facts, partsMax }: Parts): Promise<boolean> {
    const dav = this.#door;
    const begun = (await dav.ask('PROPFIND', dav.part(folder), { headers: { depth: '0' } })).status === 207;
    if (!begun) expect((await dav.move(dav.part(folder), dav.file(path), {}, 'MKCOL')).status).toBe(201);
    const listed = begun ? await dav.find(dav.part(folder), 1, ['d:getcontentlength']) : [];
    const there = Math.max(0, listed.length - 1);
    const count = Math.ceil(bytes.length / partBytes);
    for (let part = there + 1; part <= count; part += 1) {
      if (part > partsMax) return false;
      const body = bytes.subarray((part - 1) * partBytes, part * partBytes);
      const headers = { 'content-length': String(body.length) };
      expect((await dav.ask('PUT', dav.part(folder, String(part)), { headers, body })).status).toBe(201);
    }
    const whole = { ...facts, 'oc-total-length': String(bytes.length) };
    expect((await dav.move(dav.part(folder, '.file'), dav.file(path), whole)).status).toBe(201);
    return true;
  }
}
type Parts = Readonly<{
  folder: string;
  path: string;
  bytes: Buffer;
  facts: Record<string, string>;
  partsMax: number;
}>;
