import { PassThrough } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import {
  checkConditions,
  checksumsIn,
  destinationUrl,
  hrefOf,
  mtimeOf,
  smallBody,
  targetBelow,
} from './dav-request.ts';

const request = (headers: Record<string, string>) =>
  ({ headers: { host: 'box:1', ...headers } }) as unknown as FastifyRequest;
const base = '/remote.php/dav/files/phone-1';

describe('a WebDAV request', () => {
  it('points below its top, decoded part by part', () => {
    const path = (rest: string) => targetBelow(`${base}${rest}`, base).path;
    expect(['', '/', '//'].map(path)).toEqual(['', '', '']);
    expect(path('/a%20b/%C3%BC/c+d?x=/y')).toBe('a b/ü/c+d');
    expect(path('//a///b/')).toBe('a/b');
    for (const bad of ['/%ff', '/%', '/a%2fb', '/a#b']) expect(() => path(bad)).toThrow();
    for (const other of ['/remote.php/dav/files/phone-2/x', '/remote.php/dav/files', '/x']) {
      expect(() => targetBelow(other, base)).toThrow(expect.objectContaining({ code: 'not-found' }));
    }
  });

  it('is written back as it was read', () => {
    const names = ['a b/ü/c+d', 'quote\'"<&>', '100%', '#1?', '.', 'e\u0301'];
    for (const name of names) expect(targetBelow(hrefOf({ base, path: name }, false), base).path).toBe(name);
    expect(hrefOf({ base, path: '' }, true)).toBe(`${base}/`);
  });

  it('says where to by a whole address or by a path', () => {
    const to = (destination: string) => destinationUrl(request({ destination }));
    expect(to('https://nightjar.local:8443/remote.php/dav/files/u/a%20b')).toBe('/remote.php/dav/files/u/a%20b');
    expect(to('/remote.php/x')).toBe('/remote.php/x');
    expect(to('http://box:1')).toBe('/');
    for (const bad of ['', 'http://[bad']) expect(() => to(bad)).toThrow(/Destination/);
  });

  it('tells its time in seconds, also as a fraction', () => {
    const time = (text: string) => mtimeOf(request({ 'x-oc-mtime': text }));
    expect([time('1706933106'), time('1706933106.5'), time('-1.25')]).toEqual([
      1_706_933_106_000, 1_706_933_106_500, -1_250,
    ]);
    expect(['', 'x', '1e9', '99999999999999', '1,5'].map(time)).toEqual([null, null, null, null, null]);
    expect(mtimeOf(request({}))).toBeNull();
  });

  it('brings checksums of kinds that are known', () => {
    const sums = (text: string) => checksumsIn(request({ 'oc-checksum': text }));
    const sha1 = 'AB'.repeat(20);
    expect(sums(`SHA1:${sha1}`)).toEqual({ sha1: sha1.toLowerCase() });
    expect(sums(`ADLER32:0011aabb MD5:${'0'.repeat(32)}`)).toEqual({ md5: '0'.repeat(32) });
    expect([sums('SHA1:xyz'), checksumsIn(request({}))]).toEqual([{}, {}]);
  });

  it('has conditions that hold or do not', () => {
    const holds = (headers: Record<string, string>, etag: string | undefined) => {
      try {
        checkConditions(request(headers), etag);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'precondition-failed' });
        return false;
      }
    };
    expect(holds({}, undefined)).toBe(true);
    expect([holds({ 'if-match': '*' }, undefined), holds({ 'if-match': '*' }, '"a"')]).toEqual([false, true]);
    expect([holds({ 'if-none-match': '*' }, undefined), holds({ 'if-none-match': '*' }, '"a"')]).toEqual([true, false]);
    expect([holds({ 'if-match': '"b", "a"' }, '"a"'), holds({ 'if-match': '"b"' }, '"a"')]).toEqual([true, false]);
    expect([holds({ 'if-none-match': '"b"' }, '"a"'), holds({ 'if-none-match': '"a"' }, '"a"')]).toEqual([true, false]);
  });

  it('waits for its body only so long, and takes only so much of it', async () => {
    const body = () => new PassThrough();
    const read = (raw: PassThrough, bytesMax: number, ms: number) =>
      smallBody({ raw } as unknown as FastifyRequest, bytesMax, ms);
    const [whole, slow, large] = [body(), body(), body()];
    const all = [read(whole, 10, 60_000), read(slow, 10, 20), read(large, 10, 60_000)];
    whole.end('1234567890');
    slow.write('12345');
    large.write('12345678901');
    const ends = await Promise.allSettled(all);
    expect(ends).toMatchObject([
      { value: Buffer.from('1234567890') },
      { reason: { code: 'invalid-request' } },
      { reason: { code: 'too-large' } },
    ]);
    expect(slow.destroyed).toBe(true);
  });
});
