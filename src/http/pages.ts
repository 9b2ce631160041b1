/**
 * Owns pages and files that are served as they are given, and the headers that let a page's own inline blocks run.
 * Never reads a file and knows no page's meaning. Whoever has something to show may call it.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { implement, type Routes } from './contract.ts';

/** A self-contained page: its own `<style>` and `<script>` blocks run, by their hash, and no others (CSP 3). */
export function pageHeaders(html: string): Record<string, string> {
  const hashes = (tag: 'style' | 'script') =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, block = '']) => ` 'sha256-${createHash('sha256').update(block).digest('base64')}'`)
      .join('');
  const policy = [
    "default-src 'self'",
    `style-src 'self'${hashes('style')}`,
    `script-src 'self'${hashes('script')}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return { 'content-security-policy': policy.join('; '), 'cache-control': 'no-cache' };
}

/**
 * Serves `body` at `path` (GET and HEAD, to everyone) with an ETag. `path` is a literal one; `headers` in addition.
 * For pages that are made per request give a `Routes` of your own with a raw handler and `pageHeaders`.
 */
export function staticPage(
  path: string,
  contentType: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Routes {
  const content = Buffer.from(body);
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  const isPage = contentType.startsWith('text/html');
  const all = {
    'cache-control': 'no-cache',
    ...(isPage ? pageHeaders(content.toString()) : {}),
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

/** The root certificate (DER), in the form that phones and browsers offer to install. */
export function certificateRoutes(rootDer: Uint8Array): Routes {
  return staticPage('/nightjar-root.crt', 'application/x-x509-ca-cert', rootDer, {
    'content-disposition': 'attachment; filename="nightjar-root.crt"',
  });
}

/** Text for a place in HTML, also inside a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
