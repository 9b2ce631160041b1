import type { Facts, Need } from '../facts.ts';

/** What was read back there, or came back in a drill, is not what was sent. */
export function offboxDamaged({ owner, offbox }: Facts): Need[] {
  const at = offbox?.damagedAt ?? offbox?.drillFailedAt ?? null;
  return !owner || at === null ? [] : [{ code: 'offbox-damaged', severity: 'act', params: { since: at } }];
}
