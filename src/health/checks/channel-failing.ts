import type { Facts, Need } from '../facts.ts';

const hourMs = 60 * 60_000;
/** A router that was off, a server that was down for the night: nobody need hear of that. */
const patienceMs = 12 * hourMs;

/** Who relies on a mail must hear, elsewhere, that none goes out. */
export function channelFailing({ owner, failing, now }: Facts): Need[] {
  if (!owner) return [];
  return failing
    .filter(({ since }) => now - since >= patienceMs)
    .map(({ channel, since, waiting }) => ({
      code: 'channel-failing',
      severity: 'watch',
      params: { channel, since, waiting },
    }));
}
