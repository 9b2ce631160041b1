import { implement, type Routes } from '../http/contract.ts';
import type { Downloads } from './downloads.ts';
import { downloadsContract } from './downloads-contract.ts';

export function downloadsRoutes(downloads: Downloads): Routes {
  return implement(downloadsContract, {
    async offerDownload({ caller, body }) {
      return await downloads.offer(caller.personId, body.assets);
    },

    async download({ caller, params }, reply) {
      const { stream, bytes, name } = await downloads.zip(caller.personId, params.id);
      reply
        .header('Content-Type', 'application/zip')
        .header('Content-Length', String(bytes))
        .header('Content-Disposition', `attachment; filename="${name}"`)
        .header('Cache-Control', 'no-store')
        .send(stream);
    },
  });
}
