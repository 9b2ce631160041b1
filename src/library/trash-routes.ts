import { implement, type Routes } from '../http/contract.ts';
import { assetView } from './asset-view.ts';
import { pageOf, readPlace } from './pages.ts';
import type { Trash } from './trash.ts';
import { trashContract } from './trash-contract.ts';

export function trashRoutes(trash: Trash): Routes {
  return implement(trashContract, {
    async trash({ caller, body }) {
      return { trashed: await trash.trash(caller.personId, body.assets) };
    },

    async trashed({ caller, query }) {
      const limit = query.limit ?? 200;
      const before = query.cursor === undefined ? undefined : readPlace(query.cursor);
      const found = trash.page(caller.personId, before && { at: before.wall, id: before.id }, limit + 1);
      const { page, next } = pageOf(found, limit, ({ trashedAt, asset }) => `${trashedAt}.${asset.id}`);
      const entries = page.map(({ asset, trashedAt, goneAt }) => ({ asset: assetView(asset), trashedAt, goneAt }));
      return { entries, ...trash.size(caller.personId), next };
    },

    async restoreTrashed({ caller, body }) {
      return await trash.restore(caller.personId, body.assets);
    },

    async deleteTrashed({ caller, body }) {
      return { deleted: await trash.delete(caller.personId, body.assets) };
    },
  });
}
