import type { Static } from '../platform/schema.ts';
import type { TellingView } from './contract.ts';

export type Telling = Static<typeof TellingView>;

/**
 * What each kind of client can tell the box, by the name that it gives when it pairs. Of a client that is not listed the
 * box knows only what arrived, and must not say more.
 */
const byClient: ReadonlyMap<string, readonly Telling[]> = new Map<string, readonly Telling[]>([
  ['nightjar-phone', ['waiting', 'refused', 'next-night', 'version']],
  // A page sees no photos by night: it holds nothing that could wait.
  ['web-page', ['version']],
]);

export function tellingsOf(client: string | null): Telling[] {
  return [...(byClient.get(client ?? '') ?? [])];
}
