import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** One alert a phone. What its owner deleted here is refused as well, and needs nobody. */
export function refusedFiles({ phones }: Facts): Alert[] {
  return phones.flatMap(({ id, name, person, counts }) => {
    const count = counts === null ? 0 : counts.refused - counts.deleted;
    if (count === 0) return [];
    return [{ code: 'refused-files', severity: 'watch', params: { phone: id, name, person, count } } as const];
  });
}
