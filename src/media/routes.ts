import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessCallers } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import type { Library } from '../library/library.ts';
import { openOriginal, sendOriginal } from '../library/originals.ts';
import { mediaContract } from './contract.ts';
import type { PictureSize, Pictures } from './pictures.ts';

/** A picture under this address changes only when it is made anew, which nobody has to see at once. */
const pictureCache = 'private, max-age=604800';
/** A browser that several people use has one cache: without this it would show one the other's pictures. */
const pictureVary = 'Cookie, Authorization';

type MediaRoutesDeps = Readonly<{ library: Library; pictures: Pictures }>;
type Asking = Readonly<{ caller: AccessCallers['phone-or-person']; params: { id: number }; request: FastifyRequest }>;

export function mediaRoutes({ library, pictures }: MediaRoutesDeps): Routes {
  const picture = async ({ caller, params, request }: Asking, reply: FastifyReply, size: PictureSize) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const { bytes, length, etag } = await pictures.picture(caller.personId, params.id, size, gone.signal);
    reply.header('ETag', etag).header('Cache-Control', pictureCache).header('Vary', pictureVary);
    if (request.headers['if-none-match'] === etag) {
      if (!Buffer.isBuffer(bytes)) bytes.destroy();
      reply.code(304).send();
      return;
    }
    reply.header('Content-Type', 'image/webp').header('Content-Length', String(length)).send(bytes);
  };

  return implement(mediaContract, {
    async thumbnail(asking, reply) {
      await picture(asking, reply, 'grid');
    },

    async preview(asking, reply) {
      await picture(asking, reply, 'preview');
    },

    async motion({ caller, params }, reply) {
      const { asset, part } = pictures.motionOf(caller.personId, params.id);
      const open = library.current();
      try {
        const original = await openOriginal(open, caller.personId, asset);
        await sendOriginal(original, reply, { withBody: true, ...(part === null ? {} : { part }) });
      } catch (error) {
        throw await library.failed(open, error);
      }
    },

    async pictures({ caller }) {
      const { refusals, ...counts } = await pictures.summary(caller.personId);
      return { ...counts, refusals: refusals.map(({ id, ...refusal }) => ({ asset: id, ...refusal })) };
    },

    async makeAgain({ caller }) {
      await pictures.makeAgain(caller.personId);
    },
  });
}
