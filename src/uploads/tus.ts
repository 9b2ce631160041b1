/**
 * The tus door (https://tus.io/protocols/resumable-upload 1.0.0): translates its five verbs to the append store's.
 * It keeps nothing and decides nothing. Written by hand because each answer here is a promise: an offset equal to the
 * length means that the file is safe, an offset below it that those bytes are, and clients act on both without asking.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import { toProblem } from '../http/problem.ts';
import { CodedError } from '../platform/errors.ts';
import { uploadsContract } from './contract.ts';
import { uploadFacts } from './metadata.ts';
import type { Upload } from './upload.ts';
import type { Uploads } from './uploads.ts';

const version = '1.0.0';
const extensions = 'creation,creation-with-upload,termination,expiration';
const tusPath = '/api/uploads';

export function tusRoutes(uploads: Uploads): Routes {
  return implement(uploadsContract, {
    async uploadOptions(_input, reply) {
      head(reply)
        .code(204)
        .header('Tus-Version', version)
        .header('Tus-Extension', extensions)
        .header('Tus-Max-Size', String(uploads.limits.bytesMax))
        .send();
    },

    async createUpload({ caller, request }, reply) {
      head(reply);
      requireVersion(request, reply);
      requireOneFile(request);
      const length = wholeNumber(request, 'upload-length');
      const facts = uploadFacts(request.headers['upload-metadata']);
      const withBytes = carriesBytes(request);
      if (withBytes) requireBytes(request, length);
      await uploads.begin(caller.phoneId, { door: 'tus', length, facts }, async (upload) => {
        await upload.openFile();
        if (withBytes) await upload.append(0, request.raw);
        const offset = upload.complete ? await finished(upload) : await upload.settle();
        reply.code(201).header('Location', `${tusPath}/${upload.id}`).header('Upload-Offset', String(offset));
        expires(reply, upload, uploads);
      });
      reply.send();
    },

    async uploadOffset({ caller, params, request }, reply) {
      head(reply).header('Cache-Control', 'no-store');
      requireVersion(request, reply);
      const ask = uploads.use(caller.phoneId, params.id, async (upload) => {
        let offset = await upload.settle();
        // All bytes came, but their finish failed or was interrupted: asking drives it again.
        if (upload.complete && !upload.finished)
          offset = await finished(upload).catch((error) => stillWaiting(error, offset));
        reply.code(200).header('Upload-Offset', String(offset));
        if (upload.length !== undefined) reply.header('Upload-Length', String(upload.length));
        expires(reply, upload, uploads);
      });
      await ask.catch((error: unknown) => {
        const { status, headers } = toProblem(error);
        if (status !== 503 && status !== 507) throw error;
        // Clients begin anew, from byte 0, after any answer to HEAD but 423: "not now, ask again".
        reply.code(423).header('Retry-After', headers['retry-after'] ?? '5');
      });
      reply.send();
    },

    async appendUpload({ caller, params, request }, reply) {
      head(reply);
      requireVersion(request, reply);
      requireType(request);
      const at = wholeNumber(request, 'upload-offset');
      await uploads.use(caller.phoneId, params.id, async (upload) => {
        if (upload.length !== undefined) requireBytes(request, upload.length - at);
        await upload.append(at, request.raw).catch(async (error: unknown) => {
          // What came counts, whatever ended it; if that fails too, the first reason is the one to tell.
          await upload.settle().catch(() => undefined);
          throw error;
        });
        const offset = upload.complete ? await finished(upload) : await upload.settle();
        reply.code(204).header('Upload-Offset', String(offset));
        expires(reply, upload, uploads);
      });
      reply.send();
    },

    async abortUpload({ caller, params, request }, reply) {
      head(reply);
      requireVersion(request, reply);
      await uploads.use(caller.phoneId, params.id, (upload) => upload.abort());
      reply.code(204).send();
    },
  });
}

/** Verifies and publishes; the full length is an offset only after that. */
async function finished(upload: Upload): Promise<number> {
  await upload.finish();
  return upload.received;
}

/** A refusal is final and told; anything else leaves the last byte to be sent again. */
function stillWaiting(error: unknown, offset: number): number {
  const final = ['checksum-mismatch', 'empty-picture', 'invalid-name', 'upload-gone'];
  if (error instanceof CodedError && final.includes(error.code)) throw error;
  return offset;
}

function head(reply: FastifyReply): FastifyReply {
  return reply.header('Tus-Resumable', version);
}

function expires(reply: FastifyReply, upload: Upload, uploads: Uploads): void {
  if (!upload.finished) reply.header('Upload-Expires', new Date(uploads.expiresAt()).toUTCString());
}

function requireVersion(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers['tus-resumable'] === version) return;
  reply.header('Tus-Version', version);
  throw new CodedError('tus-version', `This box speaks tus ${version}; the request must say so in Tus-Resumable.`, {
    facts: { 'tus-version': version },
  });
}

/** A part of a file must never be kept as if it were one. */
function requireOneFile(request: FastifyRequest): void {
  const { 'upload-concat': concat, 'upload-defer-length': deferred } = request.headers;
  if (concat === undefined && deferred === undefined) return;
  throw new CodedError(
    'invalid-request',
    'This box takes each file in one upload whose length is known at its start (no Upload-Concat, no Upload-Defer-Length). Nothing was begun.',
  );
}

function requireType(request: FastifyRequest): void {
  if (request.headers['content-type'] === 'application/offset+octet-stream') return;
  throw new CodedError(
    'unsupported-media-type',
    'Bytes of an upload come as application/offset+octet-stream. Nothing was changed.',
  );
}

/** Whether a creation brings its first bytes along (creation-with-upload). */
function carriesBytes(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return false;
  requireType(request);
  return true;
}

/** A body that is announced to be longer than what is missing is refused before a byte of it is read. */
function requireBytes(request: FastifyRequest, missing: number): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced <= Math.max(missing, 1)) return;
  throw new CodedError(
    'too-large',
    `The request brings ${announced} bytes, but only ${Math.max(missing, 0)} are missing. Nothing was changed.`,
  );
}

function wholeNumber(request: FastifyRequest, name: 'upload-length' | 'upload-offset'): number {
  const text = request.headers[name];
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new CodedError(
    'invalid-request',
    `The request must say ${name} as a whole number of bytes. Nothing was changed.`,
  );
}
