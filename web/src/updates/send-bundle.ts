import { Refusal } from '../ask/ask.ts';
import { updates as t } from '../text/en/updates.ts';

export type Sent = Readonly<{ bytes: number; ofBytes: number }>;

/** By hand, since `fetch` does not tell how far it is. @throws {Refusal} `cancelled` when `signal` ends it */
export function sendBundle(file: Blob, signal: AbortSignal, onSent: (sent: Sent) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const leave = () => request.abort();
    signal.addEventListener('abort', leave);
    request.open('PUT', '/api/updates/bundle');
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.addEventListener('progress', ({ loaded, total }) => onSent({ bytes: loaded, ofBytes: total }));
    request.addEventListener('load', () => {
      if (request.status < 300) resolve();
      else reject(refusalOf(request.status, request.response));
    });
    request.addEventListener('error', () => reject(new Refusal('silent', t.broke)));
    request.addEventListener('abort', () => reject(new Refusal('cancelled', t.cancelled)));
    request.addEventListener('loadend', () => signal.removeEventListener('abort', leave));
    request.send(file);
  });
}

/** Its problem document (RFC 9457). */
function refusalOf(status: number, answer: unknown): Refusal {
  const { code, detail, ...facts } = (answer ?? {}) as Record<string, unknown>;
  return new Refusal(String(code ?? 'internal'), String(detail ?? t.broke), status, facts);
}
