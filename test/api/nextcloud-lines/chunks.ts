/** Files that come in chunks: a line of the table for each client, with its own sizes, names, headers and habits. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { soak } from '../../support/counts.ts';
import type { CurlApp } from '../../support/curl-app.ts';
import { etagFor, hash, type Line, type World } from './world.ts';

const mtime = 1_706_933_106;
const timedOut = 28;
/** Files of 100 MB are for the full counts; the sample sends a fiftieth. */
const share = soak ? 1 : 50;

type Sent = Readonly<{ name: string; bytes: Buffer }>;
type Client = Readonly<{
  who: string;
  app: (world: World) => CurlApp;
  /** From so many bytes on it sends chunks, of so many bytes. */
  threshold: number;
  chunkBytes: readonly number[];
  folder: (file: Sent) => string;
  /** `index`: from 0. `from`, `to`: the first byte, and the one after the last. */
  chunk: (index: number, from: number, to: number) => string;
  /** As it begins, before its first chunk. */
  start: (app: CurlApp, folder: string, file: Sent) => Promise<void>;
  /** Its headers on the MOVE. */
  ends: (file: Sent) => Record<string, string>;
}>;

const total = ({ bytes }: Sent) => ({ 'OC-Total-Length': String(bytes.length) });
const destination = (app: CurlApp, { name }: Sent) => ({ Destination: `${app.server}${app.file(name)}` });
const padded = (value: number, digits: number) => String(value).padStart(digits, '0');
const make = async (app: CurlApp, folder: string, headers: Record<string, string> = {}) =>
  (await app.ask('MKCOL', app.part(folder), { headers })).status;

const android: Client = {
  who: 'Android',
  app: (world) => world.android,
  threshold: 10_240_000,
  chunkBytes: [40_960_000],
  folder: ({ name, bytes }) => hash(Buffer.from(`${name}${mtime}${bytes.length}`), 'md5'),
  chunk: (index) => padded(index + 1, 6),
  async start(app, folder, file) {
    await make(app, folder, destination(app, file));
    // The second time it is there, which the app does not mind: it only looks at the list.
    expect(await make(app, folder, destination(app, file))).toBe(405);
    const listed = await app.propfind(app.part(folder), '1', ['d:resourcetype', 'd:getcontentlength']);
    expect([listed.status, listed.text.includes('displayname')]).toEqual([207, false]);
  },
  ends: () => ({ 'X-OC-Mtime': String(mtime), 'X-OC-Ctime': String(mtime) }),
};
const ios: Client = {
  who: 'iOS',
  app: (world) => world.ios,
  threshold: 100_000_000 / share,
  chunkBytes: [100_000_000 / share],
  folder: ({ bytes }) => `6F9619FF-8B86-D011-B42D-${hash(bytes).slice(0, 12).toUpperCase()}`,
  chunk: (index) => String(index + 1),
  async start(app, folder, file) {
    const look = () => app.ask('PROPFIND', app.part(folder), { headers: { Depth: '0' } });
    expect((await look()).status).toBe(404);
    expect(await make(app, folder, { ...destination(app, file), ...total(file) })).toBe(201);
    expect((await look()).status).toBe(207);
  },
  ends: (file) => ({ ...total(file), 'X-OC-MTime': `${mtime}.5`, 'X-OC-CTime': `${mtime}.25` }),
};
const desktop: Client = {
  who: 'nextcloudcmd 3.7',
  app: (world) => world.desktop,
  threshold: 10_000_000,
  chunkBytes: [1_000_000, 3_000_000, 5_000_000],
  folder: ({ bytes }) => String(bytes.readUInt32BE(0) + 1),
  chunk: (index) => padded(index, 16),
  async start(app, folder, file) {
    expect(await make(app, folder, { ...destination(app, file), ...total(file) })).toBe(201);
  },
  ends: (file) => ({ ...total(file), 'OC-Checksum': `SHA1:${hash(file.bytes, 'sha1')}`, 'X-OC-Mtime': String(mtime) }),
};
const rclone: Client = {
  who: 'rclone',
  app: (world) => world.rclone,
  threshold: 10 * 1024 * 1024,
  chunkBytes: [10 * 1024 * 1024],
  folder: ({ name, bytes }) => `rclone-chunked-upload-${hash(Buffer.from(`${name}${bytes.length}`), 'md5')}`,
  chunk: (_index, from, to) => `${padded(from, 15)}-${padded(to, 15)}`,
  async start(app, folder) {
    // What is left of an earlier try goes first.
    expect([204, 404]).toContain((await app.ask('DELETE', app.part(folder))).status);
    expect(await make(app, folder)).toBe(201);
  },
  ends: () => ({ 'X-OC-Mtime': String(mtime) }),
};
const clients = [android, ios, desktop, rclone] as const;

let number = 0;
const made = (bytes: number): Sent => ({ name: `video-${number++}.bin`, bytes: randomBytes(bytes) });
const small = (): Sent => made(120_000 + 1_234);

/** The chunks of a file; the last size is repeated. */
function* chunksOf(client: Client, { bytes }: Sent, sizes: readonly number[]) {
  for (let from = 0, index = 0; from < bytes.length; index++) {
    const to = Math.min(bytes.length, from + (sizes[index] ?? sizes.at(-1) ?? 1));
    yield { index, name: client.chunk(index, from, to), body: bytes.subarray(from, to) };
    from = to;
  }
}

async function begin(client: Client, world: World, file: Sent) {
  const app = client.app(world);
  const folder = client.folder(file);
  await client.start(app, folder, file);
  const put = async (name: string, body: Uint8Array) =>
    (await app.ask('PUT', app.part(folder, name), { headers: destination(app, file), body })).status;
  const finish = (more: Record<string, string> = {}) =>
    app.move(app.part(folder, '.file'), file.name, { ...client.ends(file), ...more });
  return { app, folder, put, finish };
}

/** Sends a whole file; says how many chunks it took. */
async function send(client: Client, world: World, file: Sent, sizes: readonly number[]): Promise<number> {
  const { app, put, finish } = await begin(client, world, file);
  let chunks = 0;
  for (const { name, body } of chunksOf(client, file, sizes)) {
    expect([name, await put(name, body)]).toEqual([name, 201]);
    chunks++;
  }
  const done = await finish();
  expect([done.status, done.headers['etag'], done.headers['oc-etag']]).toEqual([
    201,
    ...Array(2).fill(etagFor(file.bytes)),
  ]);
  expect([done.headers['oc-fileid'], done.headers['x-oc-mtime']]).toEqual([
    expect.stringMatching(/^\d{8,}oc/),
    'accepted',
  ]);
  const [found] = await app.find(app.file(file.name), '0', ['d:getetag', 'oc:id', 'd:getlastmodified']);
  expect(found?.found).toEqual({
    'd:getetag': etagFor(file.bytes),
    'oc:id': done.headers['oc-fileid'],
    'd:getlastmodified': 'Sat, 03 Feb 2024 04:05:06 GMT',
  });
  return chunks;
}

/** What is listed, in order: the name and the length of each chunk. */
async function listed(app: CurlApp, folder: string): Promise<Array<[string, number]>> {
  const [, ...parts] = await app.find(app.part(folder), '1', ['d:getcontentlength', 'd:resourcetype']);
  return parts.map(({ href, found }) => [href.split('/').at(-1) ?? '', Number(found['d:getcontentlength'])]);
}

const ofEach = (line: string, check: (client: Client, world: World) => Promise<void>): Line[] =>
  clients.map((client) => ({ line, who: client.who, check: (world) => check(client, world) }));

export const chunkLines: readonly Line[] = [
  ...ofEach('Threshold: the first file that comes in chunks', async (client, world) => {
    const file = made(client.threshold + 1);
    const chunks = await send(client, world, file, client.chunkBytes);
    expect(chunks).toBe({ Android: 1, iOS: 2, 'nextcloudcmd 3.7': 4, rclone: 2 }[client.who]);
  }),
  ...ofEach('Chunk size: several of its own size', async (client, world) => {
    const sizes = client === android && !soak ? [10_240_000] : client.chunkBytes;
    await send(client, world, made((sizes.at(-1) ?? 0) * 2 + 54_321), sizes);
  }),
  ...ofEach('Folder ID: the same for the same file, and of no other phone', async (client, world) => {
    const file = small();
    const { app, folder, put } = await begin(client, world, file);
    expect(client.folder(file)).toBe(folder);
    expect(await put(client.chunk(0, 0, 50_000), file.bytes.subarray(0, 50_000))).toBe(201);
    // Another phone with the same file, and so with the same name for its folder.
    const other = clients[(clients.indexOf(client) + 1) % clients.length]?.app(world) ?? world.carol;
    for (const one of [other, world.carol]) {
      expect((await one.ask('PROPFIND', app.part(folder), { headers: { Depth: '1' } })).status).toBe(404);
      expect((await one.ask('PROPFIND', one.part(folder), { headers: { Depth: '1' } })).status).toBe(404);
      expect((await one.ask('PUT', app.part(folder, '000002'), { body: 'x' })).status).toBe(404);
      expect((await one.ask('DELETE', app.part(folder))).status).toBe(404);
      expect((await one.move(app.part(folder, '.file'), 'stolen.bin')).status).toBe(404);
    }
    expect(await listed(app, folder)).toHaveLength(1);
    expect((await app.ask('DELETE', app.part(folder))).status).toBe(204);
  }),
  ...ofEach('Chunk names: sorted as numbers', async (client, world) => {
    const file = small();
    const { app, folder, put, finish } = await begin(client, world, file);
    // Where they are not padded, the tenth comes before the second by its letters.
    const chunks = [...chunksOf(client, file, [client === ios ? 10_000 : 50_000])];
    expect(chunks).toHaveLength(client === ios ? 13 : 3);
    for (const { name, body } of chunks) expect(await put(name, body)).toBe(201);
    expect(await listed(app, folder)).toEqual(chunks.map(({ name, body }) => [name, body.length]));
    expect((await finish()).headers['etag']).toBe(etagFor(file.bytes));
  }),
  ...ofEach('Start', async (client, world) => {
    const file = small();
    const { app, folder, put } = await begin(client, world, file);
    expect(await listed(app, folder)).toEqual([]);
    // Before its beginning there is nothing to send to, and names are numbers.
    expect((await app.ask('PUT', app.part('not-begun', client.chunk(0, 0, 1)), { body: 'x' })).status).toBe(404);
    expect(await put('no-number', file.bytes)).toBe(400);
    expect((await app.ask('DELETE', app.part(folder))).status).toBe(204);
  }),
  {
    line: 'Resume: sums what is listed, goes on at last+1',
    who: 'Android',
    async check(world) {
      const file = small();
      const { app, folder, put, finish } = await begin(android, world, file);
      expect(await put('000001', file.bytes.subarray(0, 50_000))).toBe(201);
      await cutOff(app, app.part(folder, '000002'), file.bytes.subarray(50_000, 100_000), 20_000);
      const sum = async () => (await listed(app, folder)).reduce((bytes, [, length]) => bytes + length, 0);
      expect(await sum()).toBe(50_000);
      await world.box.restart();
      expect([await sum(), (await listed(app, folder)).at(-1)?.[0]]).toEqual([50_000, '000001']);
      // On other Wi-Fi its chunks are of another size.
      expect(await put('000002', file.bytes.subarray(50_000, 60_000))).toBe(201);
      expect(await put('000003', file.bytes.subarray(60_000))).toBe(201);
      expect((await finish()).headers['etag']).toBe(etagFor(file.bytes));
    },
  },
  {
    line: 'Resume: by its own list',
    who: 'iOS',
    async check(world) {
      const file = small();
      const { app, folder, put, finish } = await begin(ios, world, file);
      expect(await put('1', file.bytes.subarray(0, 50_000))).toBe(201);
      await cutOff(app, app.part(folder, '2'), file.bytes.subarray(50_000, 100_000), 20_000);
      // Its first chunk was acknowledged, and it has not heard of it.
      expect(await put('1', file.bytes.subarray(0, 50_000))).toBe(201);
      expect(await put('2', file.bytes.subarray(50_000, 100_000))).toBe(201);
      expect(await put('3', file.bytes.subarray(100_000))).toBe(201);
      expect((await finish()).headers['etag']).toBe(etagFor(file.bytes));
    },
  },
  {
    line: 'Resume: none; several at once, and what failed sent again',
    who: 'nextcloudcmd 3.7',
    async check(world) {
      const file = small();
      const { app, folder, put, finish } = await begin(desktop, world, file);
      const [first, second, third] = [0, 1, 2].map((n) => padded(n, 16));
      await cutOff(app, app.part(folder, first), file.bytes.subarray(0, 50_000), 20_000);
      const all = [
        put(third ?? '', file.bytes.subarray(100_000)),
        put(second ?? '', file.bytes.subarray(50_000, 100_000)),
        put(first ?? '', file.bytes.subarray(0, 50_000)),
      ];
      expect(await Promise.all(all)).toEqual([201, 201, 201]);
      expect((await finish()).headers['etag']).toBe(etagFor(file.bytes));
    },
  },
  {
    line: 'Resume: none; purged, and begun anew',
    who: 'rclone',
    async check(world) {
      const file = small();
      const first = await begin(rclone, world, file);
      expect(await first.put(rclone.chunk(0, 0, 50_000), file.bytes.subarray(0, 50_000))).toBe(201);
      const path = first.app.part(first.folder, rclone.chunk(1, 50_000, 100_000));
      await cutOff(first.app, path, file.bytes.subarray(50_000, 100_000), 20_000);
      await send(rclone, world, file, [50_000]);
    },
  },
  ...ofEach('`OC-Total-Length` on MOVE', async (client, world) => {
    const file = small();
    const { app, put, finish } = await begin(client, world, file);
    const half = client.chunk(0, 0, 60_000);
    expect(await put(half, file.bytes.subarray(0, 60_000))).toBe(201);
    if ('OC-Total-Length' in client.ends(file)) {
      // A chunk is missing: nothing is stored, and the rest may still come.
      expect((await finish()).status).toBe(400);
      expect((await app.ask('HEAD', app.file(file.name))).status).toBe(404);
    }
    expect(await put(client.chunk(1, 60_000, file.bytes.length), file.bytes.subarray(60_000))).toBe(201);
    if (client === desktop) {
      expect((await finish({ 'OC-Checksum': `SHA1:${'0'.repeat(40)}` })).status).toBe(400);
      expect((await app.ask('HEAD', app.file(file.name))).status).toBe(404);
      expect(await send(client, world, file, [60_000])).toBe(3);
      const [found] = await app.find(app.file(file.name), '0', ['oc:checksums']);
      expect(found?.found['oc:checksums']).toContain(`SHA1:${hash(file.bytes, 'sha1')}`);
    } else expect((await finish()).headers['etag']).toBe(etagFor(file.bytes));
  }),
  ...ofEach('MOVE time-out: asked again while it works, and after', async (client, world) => {
    const file = made(3_000_000);
    const { app, put, finish } = await begin(client, world, file);
    for (const { name, body } of chunksOf(client, file, [1_500_000])) expect(await put(name, body)).toBe(201);
    // Whoever gave up waiting asks again; a box that is still at it says so with 423, which rclone tries again.
    const both = await Promise.all([finish(), finish()]);
    for (const { status } of both) expect([201, 204, 423]).toContain(status);
    const again = await finish();
    expect([again.status, again.headers['etag']]).toEqual([204, etagFor(file.bytes)]);
    const other = `other-${file.name}`;
    await app.put(other, 'of another content');
    const folder = client.folder(file);
    expect((await app.move(app.part(folder, '.file'), other, client.ends(file))).status).toBe(404);
    expect((await world.stored()).filter((sha256) => sha256 === hash(file.bytes))).toHaveLength(1);
  }),
];

/** A PUT whose connection goes after some of its bytes. */
async function cutOff(app: CurlApp, path: string, bytes: Buffer, sent: number): Promise<void> {
  const headers = { 'Content-Length': String(bytes.length) };
  const { code } = await app.run('PUT', path, {
    headers,
    body: bytes.subarray(0, sent),
    options: ['--max-time', '0.4'],
  });
  expect(code).toBe(timedOut);
}
