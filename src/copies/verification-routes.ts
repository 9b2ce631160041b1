import { implement, type Routes } from '../http/contract.ts';
import { pageOf, readItemCursor } from '../library/pages.ts';
import type { Verification } from './verification.ts';
import { verificationContract } from './verification-contract.ts';

const limitUsual = 50;
const mendedMax = 50;

export function verificationRoutes(verification: Verification): Routes {
  return implement(verificationContract, {
    async getVerification({ query }) {
      const limit = query.limit ?? limitUsual;
      const after = readItemCursor(query.cursor);
      const { lost: count, ...state } = await verification.state();
      const { page, next } = pageOf(await verification.lost(after, limit + 1), limit, ({ id }) => String(id));
      return { ...state, mended: await verification.mended(mendedMax), lost: { count, files: page, next } };
    },
    startVerification: async () => await verification.startAll(),
    stopVerification: async () => await verification.stopAll(),
  });
}
