import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: () => Record<string, unknown>;
};
export type Question = Omit<RequestOptions, 'headers'> & {
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  tls?: { ca: string; servername?: string };
};

/** One request on a connection of its own, unless an agent is given. Nothing is added to it but what HTTP needs. */
export function ask(question: Question): Promise<Answer> {
  const { body, tls, ...options } = question;
  return new Promise((resolve, reject) => {
    const asked =
      tls === undefined
        ? httpRequest({ host: '127.0.0.1', agent: false, ...options })
        : httpsRequest({ host: '127.0.0.1', agent: false, ...options, ...tls });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: () => JSON.parse(text) as Record<string, unknown>,
        });
      });
    });
    asked.end(body);
  });
}

/** A JSON body with its headers. */
export function jsonBody(value: unknown): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify(value);
  return { body, headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } };
}
