import { implement, type Routes } from '../http/contract.ts';
import type { Library } from './library.ts';
import { safeContract } from './safe-contract.ts';
import { safeToRemove } from './safe-to-remove.ts';

const limitUsual = 200;

export function safeRoutes(library: Library): Routes {
  return implement(safeContract, {
    async safeToRemove({ caller, query }) {
      const open = library.current();
      try {
        return await safeToRemove(open, caller, { cursor: query.cursor, limit: query.limit ?? limitUsual });
      } catch (error) {
        throw await library.failed(open, error);
      }
    },
  });
}
