/** One file on its way, by tus: it goes on where it stopped, and ends in one of three ways. */
import { type DetailedError, Upload } from 'tus-js-client';
import type { OwnPhone } from '../ask/own-phone.ts';
import { backup } from '../text/en/backup.ts';
import { identityOf } from './chosen-files.ts';

/**
 * `safe`: the box has verified and recorded it. `refused`: not this file, not now; `again`: choosing or sending it once
 * more can help. `later`: the box, the network or the disk is in the way; `reason` where the box gave one.
 */
export type Sent =
  | Readonly<{ end: 'safe' }>
  | Readonly<{ end: 'refused'; reason: string; again: boolean }>
  | Readonly<{ end: 'later'; reason: string | undefined; waitMs: number }>
  | Readonly<{ end: 'stranger' }>
  | Readonly<{ end: 'stopped' }>;
type Problem = Readonly<{ code?: string; detail?: string }>;

/** So small that their creation brings all of them: one request in place of two. */
const atOnceBytesMax = 2 * 1024 * 1024;
/** What cannot change by asking again. */
const final = new Set([400, 403, 410, 412, 413, 415]);
const worthAnotherTry = new Set(['checksum-mismatch', 'upload-gone', 'length-mismatch', 'over-quota']);

export class Sending {
  readonly #upload: Upload;
  readonly #ended = Promise.withResolvers<Sent>();
  #stopped = false;

  /** `onSent`: of this file, so many bytes went out. */
  constructor(
    { file, path, sha256 }: { file: File; path: string; sha256?: string | undefined },
    { token, phoneId }: OwnPhone,
    onSent: (bytes: number) => void,
  ) {
    this.#upload = new Upload(file, {
      endpoint: '/api/uploads',
      // What may be tried again is decided here, not by a count of tries.
      retryDelays: null,
      headers: { authorization: `Bearer ${token}` },
      metadata: {
        filename: path,
        filetype: file.type,
        mtime: String(file.lastModified),
        origin: 'browser',
        ...(sha256 === undefined ? {} : { sha256 }),
      },
      uploadDataDuringCreation: file.size <= atOnceBytesMax,
      // With its checksum: of two with one name, size and time neither may go on with the other's upload.
      fingerprint: async () => `nightjar ${phoneId} ${identityOf(file)} ${sha256 ?? ''}`,
      removeFingerprintOnSuccess: true,
      onProgress: onSent,
      onSuccess: () => this.#ended.resolve({ end: 'safe' }),
      onError: (error) => this.#ended.resolve(whatFailed(error as DetailedError)),
    });
  }

  async run(): Promise<Sent> {
    const [before] = await this.#upload.findPreviousUploads();
    if (before !== undefined) this.#upload.resumeFromPreviousUpload(before);
    // Starting undoes an abort.
    if (!this.#stopped) this.#upload.start();
    return await this.#ended.promise;
  }

  /** What came stays with the box, and goes on later. */
  stop(): void {
    this.#stopped = true;
    void this.#upload.abort().catch(() => undefined);
    this.#ended.resolve({ end: 'stopped' });
  }
}

function whatFailed({ originalResponse: response }: DetailedError): Sent {
  if (response == null) return { end: 'later', reason: undefined, waitMs: 0 };
  const status = response.getStatus();
  const { code = '', detail } = problemOf(response.getBody());
  if (status === 401) return { end: 'stranger' };
  // A limit of this person's ends no wait by itself: somebody has to make room, or allow more.
  if (final.has(status) || code === 'over-quota') {
    return { end: 'refused', reason: detail ?? backup.unreadable, again: worthAnotherTry.has(code) };
  }
  const seconds = Number(response.getHeader('retry-after')) || 0;
  return { end: 'later', reason: detail, waitMs: seconds * 1000 };
}

function problemOf(body: string): Problem {
  try {
    return JSON.parse(body) as Problem;
  } catch {
    return {};
  }
}
