import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const UploadId = Type.Object({ id: Type.String({ maxLength: 64 }) });

/** Told live, to the phone's person and to owners: no name of a file is in it. */
export const UploadsEvent = Type.Object(
  {
    type: Type.Literal('phone-progress'),
    phone: Type.String({ description: "the phone's id" }),
    uploads: Type.Integer({ description: 'under way at this moment' }),
    bytes: Type.Integer({ description: 'of those, what came' }),
    length: Type.Union([Type.Integer(), Type.Null()], { description: 'of those, in all; null: not known of each' }),
    arrived: Type.Integer({ description: 'files that are safe, since this burst began' }),
    ended: Type.Boolean({ description: 'the burst is over: the last of its events' }),
  },
  { description: 'a phone sends; at most once a second' },
);
export type UploadsEvent = Static<typeof UploadsEvent>;

/** tus 1.0.0: core, creation, creation-with-upload, termination, expiration (https://tus.io/protocols/resumable-upload). */
export const uploadsContract = {
  uploadOptions: {
    method: 'OPTIONS',
    path: '/api/uploads',
    access: 'public',
    summary: 'tus: versions, extensions and the largest size',
    status: 204,
    raw: true,
  },
  createUpload: {
    method: 'POST',
    path: '/api/uploads',
    access: 'phone',
    summary:
      'tus: creation and creation-with-upload (metadata filename, filetype, mtime, path, key, sha256, pair, origin)',
    status: 201,
    raw: true,
  },
  uploadOffset: {
    method: 'HEAD',
    path: '/api/uploads/:id',
    access: 'phone',
    summary: 'tus: the durable offset; equal to the length only when the file is safe',
    params: UploadId,
    status: 200,
    raw: true,
  },
  appendUpload: {
    method: 'PATCH',
    path: '/api/uploads/:id',
    access: 'phone',
    summary: 'tus: appends bytes; at the last one the file is verified, published and recorded before the answer',
    params: UploadId,
    status: 204,
    raw: true,
  },
  abortUpload: {
    method: 'DELETE',
    path: '/api/uploads/:id',
    access: 'phone',
    summary: 'tus: termination of an unfinished upload',
    params: UploadId,
    status: 204,
    raw: true,
  },
} as const satisfies Contract;
