import { useCallback } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk } from '../ask/use-ask.ts';

/** What several cards show of one's factors, asked for once, and anew when something happened to the account. */
export function useFactors() {
  const asked = useAsk(async (signal) => {
    const [approvers, codes, recovery] = await Promise.all([
      ask('GET /api/approvers', { signal }),
      ask('GET /api/authenticators', { signal }),
      ask('GET /api/recovery-codes', { signal }),
    ]);
    return {
      approvers: approvers.approvers,
      authenticators: codes.authenticators.filter(({ confirmed }) => confirmed),
      left: recovery.left,
    };
  });
  const { again } = asked;
  useLive(useCallback((event) => void (event.type === 'notice' || event.type === 'missed' ? again() : 0), [again]));
  return asked;
}
export type Factors = NonNullable<ReturnType<typeof useFactors>['answer']>;
