import { implement, type Routes } from '../http/contract.ts';
import { pageOf, readPlace } from '../library/pages.ts';
import type { AlertBook } from './alert-book.ts';
import { alertsContract } from './alerts-contract.ts';

const limitUsual = 50;

export function alertsRoutes(book: AlertBook): Routes {
  return implement(alertsContract, {
    listAlerts: async ({ caller, query }) => {
      const limit = query.limit ?? limitUsual;
      const place = query.cursor === undefined ? undefined : readPlace(query.cursor);
      const found = book.cleared(caller, place && { at: place.wall, id: place.id }, limit + 1);
      const { page, next } = pageOf(found, limit, ({ clearedAt, id }) => `${clearedAt}.${id}`);
      return { open: book.list(caller), cleared: page, next };
    },
    acknowledgeAlert: async ({ params, caller }) => book.acknowledge(params.id, caller),
  });
}
