import type { FastifyReply } from 'fastify';
import type { AccessCallers } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import { assetView } from './asset-view.ts';
import { libraryContract } from './contract.ts';
import { namedPath } from './item-origin.ts';
import { checkItems, inRuns, noteUnreadable, refusalReason } from './items.ts';
import type { Library } from './library.ts';
import { openOriginal, sendOriginal } from './originals.ts';
import { pageOf, readItemCursor } from './pages.ts';
import { timelineRoutes } from './timeline-routes.ts';

const refusalsShownMax = 100;

type LibraryRoutesDeps = Readonly<{
  library: Library;
  now: () => number;
  boxName: () => string;
  phones: Readonly<{
    /** A phone's name and its person's, for its own status. */
    namesOf: (phoneId: string) => { phone: string; person: string };
    /** Whether a phone is the caller's own. @throws {CodedError} `not-found` for one that the caller may not see */
    isOwnPhone: (caller: AccessCallers['person'], phoneId: string) => boolean;
  }>;
}>;

export function libraryRoutes({ library, now, boxName, phones }: LibraryRoutesDeps): Routes {
  const original = async (
    caller: AccessCallers['phone-or-person'],
    id: number,
    reply: FastifyReply,
    withBody: boolean,
  ): Promise<void> => {
    const open = library.current();
    try {
      await sendOriginal(await openOriginal(open, caller.personId, id), reply, { withBody });
    } catch (error) {
      throw await library.failed(open, error);
    }
  };

  const own = implement(libraryContract, {
    async checkItems({ caller, body }) {
      const open = library.current();
      const at = now();
      try {
        const answers = await checkItems(open, { ...caller, origin: body.origin ?? 'app' }, body.items, at);
        return { answers: body.runs === true ? inRuns(answers) : answers, at };
      } catch (error) {
        throw await library.failed(open, error);
      }
    },

    async finishInventory({ caller, body }) {
      const open = library.current();
      const unreadable = (body.unreadable ?? []).map(({ path }) => path);
      if (unreadable.length > 0) await noteUnreadable(open, caller.phoneId, unreadable, now());
      const { items, standing, database } = open;
      const at = now();
      const forgotten = await database.write(() => {
        // 0: it was not whole, so there may be more than the box was told of.
        if (body.startedAt > 0) standing.putTold(caller.phoneId, at);
        return items.forgetWaiting(caller.phoneId, body.startedAt);
      });
      return { forgotten };
    },

    async phoneStatus({ caller }) {
      const { items } = library.current();
      const { seen, safe, refused, deleted, lastReceivedAt } = items.counts(caller.phoneId);
      const refusals = items
        .refusals(caller.phoneId, refusalsShownMax)
        .map(({ path, refusal }) => ({ path: namedPath(path), code: refusal, reason: refusalReason(refusal) }));
      const waiting = seen - safe - refused;
      const counts = { seen, safe, waiting, refused, deleted };
      const fromBrowser = items.fromBrowser(caller.phoneId);
      const fromBrowserAt = items.lastFromBrowser(caller.phoneId);
      const received = { lastReceivedAt, fromBrowser, fromBrowserAt };
      return { ...phones.namesOf(caller.phoneId), box: boxName(), ...counts, refusals, ...received };
    },

    async refusedItems({ caller, params: { id } }) {
      const own = phones.isOwnPhone(caller, id);
      const { items } = library.current();
      // Names of files are their person's alone.
      const named = own ? items.refusals(id, refusalsShownMax) : [];
      const refusals = items.refusalCounts(id).map(({ refusal: code, count }) => ({
        code,
        reason: refusalReason(code),
        count,
        paths: named.filter(({ refusal }) => refusal === code).map(({ path }) => path),
      }));
      return { refusals };
    },

    async phoneItems({ caller, query }) {
      const limit = query.limit ?? 200;
      const found = library.current().items.itemsWithAssets(caller.phoneId, readItemCursor(query.cursor), limit + 1);
      const { page, next } = pageOf(found, limit, (row) => String(row.item_id));
      const items = page.map((row) => ({
        id: row.item_id,
        path: row.item_path,
        mtime: row.item_mtime,
        asset: assetView(row),
      }));
      return { items, next };
    },

    async listAssets({ caller, query }) {
      const limit = query.limit ?? 200;
      const found = library.current().rows.assetsAfter(caller.personId, readItemCursor(query.cursor), limit + 1);
      const { page, next } = pageOf(found, limit, (row) => String(row.id));
      return { assets: page.map(assetView), next };
    },

    async original({ caller, params }, reply) {
      await original(caller, params.id, reply, true);
    },

    async originalHead({ caller, params }, reply) {
      await original(caller, params.id, reply, false);
    },
  });
  const timeline = timelineRoutes({ library, namesOf: (id) => phones.namesOf(id) });
  return {
    contract: { ...own.contract, ...timeline.contract },
    handlers: { ...own.handlers, ...timeline.handlers },
  };
}
