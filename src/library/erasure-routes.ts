import type { Household } from '../access/household.ts';
import type { Caller, PersonCaller } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import type { Erasure } from './erasure.ts';
import { erasureContract } from './erasure-contract.ts';

export type ErasureRoutesDeps = Readonly<{
  erasure: Erasure;
  household: Pick<Household, 'beginErasure'>;
  /** @throws {CodedError} `confirm-first` when the person did not prove lately to be there. */
  requireConfirmed: (caller: PersonCaller) => void;
}>;

export function erasureRoutes({ erasure, household, requireConfirmed }: ErasureRoutesDeps): Routes {
  const begin = async (asked: { personId: string; typed: string }, caller: Caller) => {
    if (caller.kind === 'person') requireConfirmed(caller);
    // Before the phones end: without the disk nothing could be deleted, and nothing is changed.
    erasure.check();
    const { folder, phones } = await household.beginErasure(asked, caller);
    const { files, done } = await erasure.begin({ id: asked.personId, folder }, phones);
    return { files, done };
  };
  return implement(erasureContract, {
    deleteDataOf: async ({ params, body, caller }) => begin({ personId: params.id, typed: body.typed }, caller),
    deleteMyData: async ({ body, caller }) => begin({ personId: caller.personId, typed: body.typed }, caller),
    myErasure: async ({ caller }) => {
      const progress = erasure.progress(caller.personId);
      return { erasure: progress === undefined ? null : { files: progress.files, done: progress.done } };
    },
  });
}
