import type { FastifyReply } from 'fastify';
import type { AccessCallers } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import { assetView } from './asset-view.ts';
import { libraryContract } from './contract.ts';
import { checkItems, noteUnreadable, refusalReason } from './items.ts';
import type { Library } from './library.ts';
import { openOriginal, sendOriginal } from './originals.ts';
import { pageOf, readCursor, readItemCursor } from './pages.ts';

const refusalsShownMax = 100;

type LibraryRoutesDeps = Readonly<{
  library: Library;
  now: () => number;
  boxName: () => string;
  /** A phone's name and its person's, for its own status. */
  namesOf: (phoneId: string) => { phone: string; person: string };
}>;

export function libraryRoutes({ library, now, boxName, namesOf }: LibraryRoutesDeps): Routes {
  const original = async (
    caller: AccessCallers['phone-or-person'],
    id: number,
    reply: FastifyReply,
    withBody: boolean,
  ): Promise<void> => {
    const open = library.current();
    try {
      await sendOriginal(await openOriginal(open, caller.personId, id), reply, withBody);
    } catch (error) {
      throw await library.failed(open, error);
    }
  };

  return implement(libraryContract, {
    async checkItems({ caller, body }) {
      const open = library.current();
      const at = now();
      try {
        return { answers: await checkItems(open, caller, body.items, at), at };
      } catch (error) {
        throw await library.failed(open, error);
      }
    },

    async finishInventory({ caller, body }) {
      const open = library.current();
      const unreadable = (body.unreadable ?? []).map(({ path }) => path);
      if (unreadable.length > 0) await noteUnreadable(open, caller.phoneId, unreadable, now());
      const { rows, database } = open;
      return { forgotten: await database.write(() => rows.forgetWaiting(caller.phoneId, body.startedAt)) };
    },

    async phoneStatus({ caller }) {
      const { rows } = library.current();
      const { seen, safe, refused, lastReceivedAt } = rows.counts(caller.phoneId);
      const refusals = rows
        .refusals(caller.phoneId, refusalsShownMax)
        .map(({ path, refusal }) => ({ path, code: refusal, reason: refusalReason(refusal) }));
      const waiting = seen - safe - refused;
      return { ...namesOf(caller.phoneId), box: boxName(), seen, safe, waiting, refused, refusals, lastReceivedAt };
    },

    async phoneItems({ caller, query }) {
      const limit = query.limit ?? 200;
      const found = library.current().rows.itemsWithAssets(caller.phoneId, readItemCursor(query.cursor), limit + 1);
      const { page, next } = pageOf(found, limit, (row) => String(row.item_id));
      const items = page.map((row) => ({
        id: row.item_id,
        path: row.item_path,
        mtime: row.item_mtime,
        asset: assetView(row),
      }));
      return { items, next };
    },

    async timeline({ caller, query }) {
      const limit = query.limit ?? 200;
      const found = library.current().rows.timeline(caller.personId, readCursor(query.cursor), limit + 1);
      const { page, next } = pageOf(found, limit, (row) => `${row.captured_at}.${row.id}`);
      return { assets: page.map(assetView), next };
    },

    async original({ caller, params }, reply) {
      await original(caller, params.id, reply, true);
    },

    async originalHead({ caller, params }, reply) {
      await original(caller, params.id, reply, false);
    },
  });
}
