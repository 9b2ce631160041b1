import { describe, expect, it } from 'vitest';
import { readPropfind } from './propfind.ts';

const read = (text: string) => readPropfind(Buffer.from(text));

describe('a PROPFIND', () => {
  it('names properties by their namespace, whatever the prefix', () => {
    const asked = read(
      `<?xml version="1.0"?><propfind xmlns="DAV:" xmlns:o="urn:o"><prop><o:a/><getetag/><o:a xmlns:o="urn:p"/><o:a/></prop></propfind>`,
    );
    expect(asked).toEqual({
      kind: 'some',
      properties: [
        { namespace: 'urn:o', name: 'a' },
        { namespace: 'DAV:', name: 'getetag' },
        { namespace: 'urn:p', name: 'a' },
      ],
    });
  });

  it('asks for all, for names, or for all by saying nothing', () => {
    expect(read('')).toEqual({ kind: 'all' });
    expect(read('<d:propfind xmlns:d="DAV:"><d:allprop/><d:include><d:x/></d:include></d:propfind>')).toEqual({
      kind: 'all',
    });
    expect(read('<d:propfind xmlns:d="DAV:"><d:propname/></d:propfind>')).toEqual({ kind: 'names' });
  });

  it('is refused when it is something else, or more than a question', () => {
    for (const text of [
      'not xml',
      '<propfind/>',
      '<d:propfind xmlns:d="DAV:"/>',
      '<d:propfind xmlns:d="DAV:"><d:prop></d:propfind>',
      '<d:propfind xmlns:d="DAV:"><x:prop/></d:propfind>',
      '<!DOCTYPE x><d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>',
      '<!DOCTYPE x [<!ENTITY a "b">]><d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>',
      '<d:propfind xmlns:d="DAV:"><d:prop>&unknown;</d:prop></d:propfind>',
      `<d:propfind xmlns:d="DAV:"><d:prop><d:${'n'.repeat(300)}/></d:prop></d:propfind>`,
    ]) {
      expect(() => read(text), text).toThrow(expect.objectContaining({ code: 'invalid-request' }));
    }
    expect(() => readPropfind(Buffer.from([0x3c, 0xff, 0xfe]))).toThrow(/not well-formed/);
  });
});
