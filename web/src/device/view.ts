import type { ReplyOf } from '../ask/ask.ts';

export type Network = ReplyOf<'GET /api/network'>;

/** It stays in reach, whatever becomes of the Wi-Fi. */
export function byCable({ links }: Network): boolean {
  return links.some(({ kind, up }) => kind === 'wired' && up);
}
