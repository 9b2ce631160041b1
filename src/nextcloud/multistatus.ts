/**
 * Writes WebDAV's answers as XML (RFC 4918, section 13). Apps look for the very prefixes `d:`, `oc:` and `nc:`, and read
 * only the first `propstat`: so these, and what was found first. Pure.
 */
import { davNamespace, type PropertyName } from './propfind.ts';

export const ownCloudNamespace = 'http://owncloud.org/ns';
export const nextcloudNamespace = 'http://nextcloud.org/ns';
const prefixes: ReadonlyMap<string, string> = new Map([
  [davNamespace, 'd'],
  [ownCloudNamespace, 'oc'],
  [nextcloudNamespace, 'nc'],
]);

export const xmlType = 'application/xml; charset=utf-8';
export const multistatusBegin = `<?xml version="1.0" encoding="utf-8"?>
<d:multistatus xmlns:d="${davNamespace}" xmlns:s="http://sabredav.org/ns" xmlns:oc="${ownCloudNamespace}" xmlns:nc="${nextcloudNamespace}">`;
export const multistatusEnd = '</d:multistatus>\n';

/** How a property is written: worked out once for a list of thousands. */
export type Tag = Readonly<{ open: string; close: string; empty: string }>;
/** A property with its value as XML; undefined: it has none here. */
export type Answered = Readonly<{ tag: Tag; xml: string | undefined }>;

export function tagOf({ namespace, name }: PropertyName): Tag {
  const prefix = prefixes.get(namespace);
  const tag = prefix !== undefined ? `${prefix}:${name}` : namespace === '' ? name : `x:${name}`;
  const declared = prefix !== undefined || namespace === '' ? '' : ` xmlns:x="${escapeXml(namespace)}"`;
  return { open: `<${tag}${declared}>`, close: `</${tag}>`, empty: `<${tag}${declared}/>` };
}

/** `href`: a path whose parts are encoded. */
export function responseXml(href: string, answers: readonly Answered[]): string {
  let found = '';
  let missing = '';
  for (const { tag, xml } of answers) {
    if (xml === undefined) missing += tag.empty;
    else found += xml === '' ? tag.empty : tag.open + xml + tag.close;
  }
  const stats =
    (found === '' && missing !== '' ? '' : propstat(found, '200 OK')) +
    (missing === '' ? '' : propstat(missing, '404 Not Found'));
  return `<d:response><d:href>${escapeXml(href)}</d:href>${stats}</d:response>`;
}

/** `code` is the box's own; `message` is for a person: apps show it. */
export function errorXml(code: string, message: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<d:error xmlns:d="${davNamespace}" xmlns:s="http://sabredav.org/ns"><s:exception>${escapeXml(code)}</s:exception><s:message>${escapeXml(message)}</s:message></d:error>
`;
}

/** Letters that no XML 1.0 document can hold are replaced. */
export function escapeXml(text: string): string {
  // Of a list with thousands of names nearly all: looking for the rest takes five times as long.
  if (plain.test(text) || !unsafe.test(text)) return text;
  return text.replaceAll(unspeakable, '\ufffd').replaceAll(/[&<>"\r]/g, (one) => escapes[one as keyof typeof escapes]);
}

const plain = /^[\w\-./:% ]*$/;
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' } as const;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unspeakable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const unsafe = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;

function propstat(properties: string, status: string): string {
  return `<d:propstat><d:prop>${properties}</d:prop><d:status>HTTP/1.1 ${status}</d:status></d:propstat>`;
}
