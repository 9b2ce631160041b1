/**
 * Answers in the envelope that Nextcloud's apps expect around account and server facts ("OCS"), as JSON or XML.
 * Version 1 says success with 100, version 2 with 200.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { escapeXml } from './multistatus.ts';

export type OcsValue = string | number | boolean | null | readonly OcsValue[] | { readonly [name: string]: OcsValue };

export function sendOcs(request: FastifyRequest, reply: FastifyReply, data: OcsValue): void {
  const statuscode = request.raw.url?.startsWith('/ocs/v1.php') === true ? 100 : 200;
  const meta = { status: 'ok', statuscode, message: 'OK' };
  reply.code(200).header('Cache-Control', 'no-store');
  if (wantsJson(request)) {
    reply.header('Content-Type', 'application/json; charset=utf-8').send(JSON.stringify({ ocs: { meta, data } }));
    return;
  }
  const text = `<?xml version="1.0"?>\n<ocs>${xmlOf('meta', meta)}${xmlOf('data', data)}</ocs>\n`;
  reply.header('Content-Type', 'application/xml; charset=utf-8').send(text);
}

function wantsJson({ raw, headers }: FastifyRequest): boolean {
  const query = new URLSearchParams(raw.url?.split('?', 2)[1] ?? '');
  const format = query.get('format');
  return format === null ? headers.accept?.includes('json') === true : format === 'json';
}

/** Lists as repeated `element`, truth as 1 and nothing. */
function xmlOf(name: string, value: OcsValue): string {
  if (value === null || value === false) return `<${name}/>`;
  if (value === true) return `<${name}>1</${name}>`;
  if (typeof value !== 'object') return `<${name}>${escapeXml(String(value))}</${name}>`;
  const inner = Array.isArray(value)
    ? value.map((one: OcsValue) => xmlOf('element', one))
    : Object.entries(value).map(([member, one]) => xmlOf(member, one));
  return `<${name}>${inner.join('')}</${name}>`;
}
