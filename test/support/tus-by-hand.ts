/** Single tus requests to a daemon, for tests that want one step at a time; and one that stays open half-way. */
import { type ClientRequest, request } from 'node:http';
import type { Daemon, Reply } from './daemon.ts';

/** Whose request it is, and to which daemon. */
export type TusCaller = Readonly<{ daemon: Daemon; token: string }>;

const bytesType = 'application/offset+octet-stream';

/** Begins an upload, with all or some of its bytes when `body` is given. The reply's `location` is the upload's path. */
export function beginUpload(
  caller: TusCaller,
  it: { path: string; length: number; body?: Buffer; pair?: string },
): Promise<Reply> {
  return tus(caller, 'POST', '/api/uploads', creation(it), it.body);
}

export function appendTo(caller: TusCaller, upload: string, offset: number, body: Buffer): Promise<Reply> {
  return tus(caller, 'PATCH', upload, { 'upload-offset': String(offset) }, body);
}

export function headOf(caller: TusCaller, upload: string): Promise<Reply> {
  return tus(caller, 'HEAD', upload, {});
}

/** A PATCH that announces `length` bytes and is written by its caller, bit by bit. Its breaking off is no error here. */
export function appendSlowly(caller: TusCaller, upload: string, offset: number, length: number): ClientRequest {
  return slowly(caller, 'PATCH', upload, length, { 'upload-offset': String(offset) });
}

/** The same for a creation with all of its bytes. */
export function beginSlowly(caller: TusCaller, it: { path: string; length: number }): ClientRequest {
  return slowly(caller, 'POST', '/api/uploads', it.length, creation(it));
}

function slowly(
  { daemon, token }: TusCaller,
  method: string,
  path: string,
  length: number,
  more: Record<string, string>,
): ClientRequest {
  const sending = request(`${daemon.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'tus-resumable': '1.0.0',
      'content-type': bytesType,
      'content-length': String(length),
      ...more,
    },
  });
  sending.on('error', () => undefined);
  return sending;
}

function creation(it: { path: string; length: number; pair?: string }): Record<string, string> {
  const value = Buffer.from(it.path).toString('base64');
  const pair = it.pair === undefined ? '' : `,pair ${Buffer.from(it.pair).toString('base64')}`;
  return { 'upload-length': String(it.length), 'upload-metadata': `filename ${value},path ${value}${pair}` };
}

export function endUpload(caller: TusCaller, upload: string): Promise<Reply> {
  return tus(caller, 'DELETE', upload, {});
}

function tus(
  { daemon, token }: TusCaller,
  method: string,
  path: string,
  more: Record<string, string>,
  body?: Buffer,
): Promise<Reply> {
  const headers = { 'tus-resumable': '1.0.0', ...(body === undefined ? {} : { 'content-type': bytesType }), ...more };
  return daemon.ask(method, path, { token, headers, ...(body === undefined ? {} : { body }) });
}
