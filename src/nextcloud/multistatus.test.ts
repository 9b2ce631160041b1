import { describe, expect, it } from 'vitest';
import { errorXml, escapeXml, responseXml, tagOf } from './multistatus.ts';

describe('a multistatus', () => {
  it('tells what was found first, and what was not apart from it', () => {
    const etag = { tag: tagOf({ namespace: 'DAV:', name: 'getetag' }), xml: 'x' };
    const empty = { tag: tagOf({ namespace: 'DAV:', name: 'resourcetype' }), xml: '' };
    const lost = { tag: tagOf({ namespace: 'urn:a"b', name: 'y' }), xml: undefined };
    expect(responseXml('/a&b', [lost, etag, empty])).toBe(
      '<d:response><d:href>/a&amp;b</d:href><d:propstat><d:prop><d:getetag>x</d:getetag><d:resourcetype/></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat><d:propstat><d:prop><x:y xmlns:x="urn:a&quot;b"/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>',
    );
    expect(responseXml('/', [lost])).not.toContain('200 OK');
    expect(tagOf({ namespace: '', name: 'z' }).empty).toBe('<z/>');
  });

  it('holds nothing that XML cannot', () => {
    expect(escapeXml('a<b>&"\r\u0001\ud800\uffff💾')).toBe('a&lt;b&gt;&amp;&quot;&#13;\ufffd\ufffd\ufffd💾');
    expect(errorXml('Nightjar\\x', '<no>')).toContain('<s:message>&lt;no&gt;</s:message>');
  });
});
