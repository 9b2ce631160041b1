/** What there is of networks: the machine's links, and the Wi-Fi that is joined and seen. */
import type { BoxAnswer, BoxRequest } from '../../../../../src/appliance/box-protocol.ts';
import { readLinks } from './links.mts';
import type { Machine } from './machine.mts';
import { readWifi } from './wifi.mts';

export async function network(
  machine: Machine,
  { look }: Extract<BoxRequest, { verb: 'network' }>,
): Promise<BoxAnswer<'network'>> {
  const links = await readLinks(machine);
  const wireless = links.find(({ kind }) => kind === 'wireless');
  return { links, wifi: wireless === undefined ? null : await readWifi(machine, wireless.name, look) };
}
