import { posix } from 'node:path';
import type { AuditEntry } from '../access/audit.ts';
import { actorOf } from '../access/audit.ts';
import type { Caller, ConsoleCaller, PersonCaller } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import { pageOf, readItemCursor } from '../library/pages.ts';
import { CodedError } from '../platform/errors.ts';
import type { Mirroring } from './mirroring.ts';
import { mirrorsContract } from './mirrors-contract.ts';
import type { Promotion } from './promotion.ts';

export type MirrorsRoutesDeps = Readonly<{
  mirroring: Mirroring;
  promotion: Promotion;
  /** @throws {CodedError} `confirm-first` when the person did not prove lately to be there. */
  requireConfirmed: (caller: PersonCaller) => void;
  /** Durable when it returns. */
  record: (entry: AuditEntry) => Promise<void>;
}>;

const limitUsual = 100;

export function mirrorsRoutes({ mirroring, promotion, requireConfirmed, record }: MirrorsRoutesDeps): Routes {
  const confirmed = (caller: Caller) => {
    if (caller.kind === 'person') requireConfirmed(caller);
  };
  const note = async (event: string, caller: PersonCaller | ConsoleCaller, diskId: string) =>
    await record({ event, actor: actorOf(caller), detail: { disk: diskId } });
  return implement(mirrorsContract, {
    listMirrors: async () => ({
      library: promotion.library(),
      mirrors: [...(await mirroring.state())],
      promotion: promotion.state(),
      promoted: promotion.promoted(),
    }),
    async lackingOnMirror({ params, query }) {
      const limit = query.limit ?? limitUsual;
      const found = await mirroring.lacking(params.diskId, readItemCursor(query.cursor), limit + 1);
      const { page, next } = pageOf(found, limit, ({ id }) => String(id));
      return { files: page.map((file) => ({ ...file, name: posix.basename(file.path) })), next };
    },
    async promoteMirror({ params, body, caller }) {
      confirmed(caller);
      await promotion.begin(params.diskId, { anyway: body.anyway === true });
      await note('mirror-promoted', caller, params.diskId);
    },
    async cancelPromotion({ caller }) {
      const diskId = promotion.state()?.diskId ?? '';
      await promotion.cancel();
      await note('promotion-cancelled', caller, diskId);
    },
    async followMirror({ params, caller }) {
      if (!(await mirroring.remember(params.diskId))) throw unknown();
      await note('mirror-followed', caller, params.diskId);
    },
    async forgetMirror({ params, caller }) {
      confirmed(caller);
      if (promotion.state()?.diskId === params.diskId) {
        throw new CodedError('conflict', 'This mirror is becoming the library. Call that off first.');
      }
      if (!(await mirroring.forget(params.diskId))) throw unknown();
      await note('mirror-forgotten', caller, params.diskId);
    },
  });
}

function unknown(): CodedError {
  return new CodedError('not-found', 'There is no such mirror. Nothing was changed.');
}
