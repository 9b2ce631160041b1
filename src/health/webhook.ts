/** Sends one message as a plain POST: as ntfy takes it (text, with a few headers), or as JSON. Follows no redirect. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Message } from './message.ts';
import { refusedPost, whyNotSent } from './why-not-sent.ts';

export type Hook = Readonly<{ url: string; token: string | null; format: 'ntfy' | 'json' }>;

const idleMs = 15_000;

/** @throws why the other side did not take it; its address is not in that, since it may be a secret */
export async function sendWebhook(hook: Hook, message: Message, signal: AbortSignal): Promise<void> {
  const url = new URL(hook.url);
  const { body, headers } = hook.format === 'ntfy' ? ntfy(message) : json(message);
  const status = await new Promise<number>((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const asked = send(url, {
      method: 'POST',
      agent: false,
      signal,
      headers: {
        ...headers,
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'nightjar',
        ...(hook.token === null ? {} : { authorization: `Bearer ${hook.token}` }),
      },
    });
    asked.setTimeout(idleMs, () => asked.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    // By its code alone: the address may be in its words.
    asked.on('error', ({ code = 'ESOCKET' }: NodeJS.ErrnoException) =>
      reject(new Error(whyNotSent({ code, message: code }))),
    );
    asked.on('response', (response) => {
      // What it says besides is of no interest, however long it is.
      response.on('error', () => undefined);
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.end(body);
  });
  if (status < 200 || status > 299) throw new Error(refusedPost(status));
}

type Post = Readonly<{ body: string; headers: Record<string, string> }>;

/** https://docs.ntfy.sh/publish: a topic's address takes the text, and says the rest in headers. */
function ntfy({ kind, subject, body, severity }: Message): Post {
  return {
    body,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      title: encoded(subject),
      priority: severity === 'act' ? 'high' : kind === 'report' && severity === null ? 'low' : 'default',
      tags: severity === 'act' ? 'rotating_light' : severity === 'watch' ? 'warning' : 'white_check_mark',
    },
  };
}

function json({ id, kind, subject, body, severity, at, facts }: Message): Post {
  const text = JSON.stringify({ id: id ?? null, kind, subject, body, severity, at, facts });
  return { body: text, headers: { 'content-type': 'application/json' } };
}

/** A header holds ASCII (RFC 9110, section 5.5); the rest as in mails (RFC 2047, section 2), which ntfy reads too. */
function encoded(text: string): string {
  return /^[ -~]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
}
