/**
 * Owns pages and files that are served as they are given.
 * Never reads a file and knows no page's meaning. Whoever has something to show may call it.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { implement, type Routes } from './contract.ts';
import { mobileConfig, mobileConfigType } from './mobileconfig.ts';
import { pageHeaders } from './security-headers.ts';

/**
 * Serves `body` at `path` (GET and HEAD, to everyone) with an ETag. `path` is a literal one; `headers` in addition.
 * For pages that are made per request give a `Routes` of your own with a raw handler and `pageHeaders`. A page's styles
 * and scripts are files of their own: what is inline does not run.
 */
export function staticPage(
  path: string,
  contentType: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Routes {
  const content = Buffer.from(body);
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  const isPage = /^text\/(html|javascript)/.test(contentType);
  const all = {
    'cache-control': 'no-cache',
    ...(isPage ? pageHeaders : {}),
    ...headers,
    'content-type': contentType,
    etag,
  };
  const serve = async ({ request }: { request: FastifyRequest }, reply: FastifyReply): Promise<void> => {
    const fresh = request.headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true;
    reply.code(fresh ? 304 : 200).headers(all);
    if (!fresh) reply.header('content-length', content.length);
    reply.send(fresh || request.method === 'HEAD' ? undefined : content);
  };
  const common = { path, access: 'public', summary: `The file ${path}`, status: 200, raw: true } as const;
  return implement(
    { page: { ...common, method: 'GET' }, pageHead: { ...common, method: 'HEAD' } },
    { page: serve, pageHead: serve },
  );
}

/**
 * The root certificate in the forms that devices install. `.crt` holds DER: Android takes that form under that name, and
 * Windows, macOS and Firefox take it as well; `.pem` is for Linux and for programs; `.mobileconfig` for Apple's.
 */
export function certificateRoutes(rootDer: Uint8Array): Routes {
  const pem = `${Buffer.from(rootDer)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}`;
  const forms = [
    ['nightjar-root.crt', 'application/x-x509-ca-cert', rootDer],
    ['nightjar-root.der', 'application/x-x509-ca-cert', rootDer],
    ['nightjar-root.pem', 'application/x-pem-file', `-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`],
    ['nightjar.mobileconfig', mobileConfigType, mobileConfig(rootDer)],
  ] as const;
  const all = forms.map(([name, type, body]) => {
    const { contract, handlers } = staticPage(`/${name}`, type, body, {
      'content-disposition': `attachment; filename="${name}"`,
    });
    const named = <T>(of: Readonly<Record<string, T>>) =>
      Object.entries(of).map(([key, value]) => [`${key} ${name}`, value] as const);
    return { contract: named(contract), handlers: named(handlers) };
  });
  return {
    contract: Object.fromEntries(all.flatMap(({ contract }) => contract)),
    handlers: Object.fromEntries(all.flatMap(({ handlers }) => handlers)),
  };
}

/** Text for a place in HTML, also inside a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
