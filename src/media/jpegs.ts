/**
 * Made pictures as JPEG, for apps that take nothing else. Made from the WebP each time it is asked for and kept nowhere:
 * those apps keep what they were sent, and to look again costs them no picture. The worker program does it.
 */
import type { Readable } from 'node:stream';
import type { Library } from '../library/library.ts';
import { CodedError } from '../platform/errors.ts';
import type { MediaWorker } from './media-worker.ts';
import { pictureFile } from './picture-files.ts';
import type { PictureSize, Pictures } from './pictures.ts';
import { PictureStore } from './store.ts';

type JpegsDeps = Readonly<{
  library: Library;
  pictures: Pick<Pictures, 'picture'>;
  maker: Pick<MediaWorker, 'jpeg'>;
}>;

/** `etag` in quotes. `bytes` makes it. */
export type Jpeg = Readonly<{ etag: string; bytes: () => Promise<Buffer> }>;

export class Jpegs {
  readonly #deps: JpegsDeps;

  constructor(deps: JpegsDeps) {
    this.#deps = deps;
  }

  /** As `Pictures.picture`, which it waits for. @throws {CodedError} `not-found`, `no-picture`, `busy`, `disk-missing` */
  async jpeg(personId: string, assetId: number, size: PictureSize, signal: AbortSignal): Promise<Jpeg> {
    const { etag, bytes } = await this.#deps.pictures.picture(personId, assetId, size, signal);
    if (!Buffer.isBuffer(bytes)) (bytes satisfies Readable).destroy();
    return { etag, bytes: () => this.#make(assetId, size, signal) };
  }

  async #make(assetId: number, size: PictureSize, signal: AbortSignal): Promise<Buffer> {
    const { library, maker } = this.#deps;
    const open = library.current();
    try {
      const { grid_bytes: grid, preview_bytes: preview } = new PictureStore(open.database).picture(assetId) ?? {};
      if (grid == null || preview == null) throw busy();
      const part = size === 'grid' ? { offset: 0, length: grid } : { offset: grid, length: preview };
      const all = AbortSignal.any([signal, open.closing]);
      const answer = await maker.jpeg({ file: pictureFile(open, assetId), part }, all);
      if (!answer.ok) throw busy();
      return answer.preview;
    } catch (error) {
      throw await library.failed(open, error);
    }
  }
}

/** It was made anew just now, or cannot be read: the other pictures tell why. */
function busy(): CodedError {
  return new CodedError('busy', 'The box is still making this picture. Ask again in a moment.');
}
