/** The one sentence that the home page opens with, as a code: pure, the first that is true. The page has the words. */
import type { Alert, HomePhone, Verdict } from './contract.ts';

/** `phones`: those that the page shows. `since`: from when on a phone that came in has not missed anything. */
export function verdictOf(needs: readonly Alert[], phones: readonly HomePhone[], since: number): Verdict {
  if (needs.length > 0) return { code: 'needs-you', params: { count: needs.length } };
  if (phones.length === 0) return { code: 'no-phone', params: {} };
  const arriving = phones.filter(({ state }) => state === 'arriving');
  const [most] = arriving.toSorted((a, b) => (b.arriving?.count ?? 0) - (a.arriving?.count ?? 0));
  if (most !== undefined) {
    const { id: phone, name, person } = most;
    const count = most.arriving?.count ?? 0;
    return { code: 'arriving', params: { phone, name, person, count, phones: arriving.length } };
  }
  const safe = phones.filter(({ state }) => state === 'all-safe');
  if (safe.length === phones.length) {
    return {
      code: 'all-safe',
      params: { phones: safe.length, safe: sum(safe.map(({ counts }) => counts?.safe ?? 0)) },
    };
  }
  const came = phones.filter(({ state }) => state === 'all-safe' || state === 'came-in');
  if (came.length === phones.length) {
    const count = sum(phones.map(({ newSinceWindow }) => newSinceWindow.count));
    return { code: 'came-in', params: { phones: came.length, count, since } };
  }
  // Who was paired this afternoon has missed no night.
  const fresh = phones.filter(({ state }) => state === 'new').length;
  return { code: 'some-came', params: { came: came.length, phones: phones.length - fresh, new: fresh, since } };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
