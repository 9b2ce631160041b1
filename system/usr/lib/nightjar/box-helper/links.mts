/** What the kernel tells of the box's links to networks. Changes nothing. */
import type { BoxAnswer } from '../../../../../src/appliance/box-protocol.ts';
import type { Machine } from './machine.mts';
import { must } from './run.mts';

type Link = BoxAnswer<'network'>['links'][number];

const linksMax = 16;
const addressesMax = 16;
const seconds = 1_000;
const devices = '/sys/class/net';

/** Those that are hardware (also a virtual machine's): a bridge, a tunnel or a container's end has no device. */
export async function readLinks(machine: Machine): Promise<Link[]> {
  const names = machine.list(devices).filter((name) => /^[a-z][a-z0-9]{1,14}$/.test(name));
  const real = names.filter((name) => machine.has(`${devices}/${name}/device`)).slice(0, linksMax);
  const addresses = await readAddresses(machine);
  return real.map((name) => ({
    name,
    kind: machine.has(`${devices}/${name}/phy80211`) ? 'wireless' : 'wired',
    up: machine.read(`${devices}/${name}/carrier`)?.trim() === '1',
    macAddress: /^[0-9a-f:]{17}$/.exec(machine.read(`${devices}/${name}/address`)?.trim() ?? '')?.[0] ?? '',
    addresses: addresses.get(name)?.slice(0, addressesMax) ?? [],
  }));
}

/** ip-address(8), by the link's name; those that reach further first. */
async function readAddresses(machine: Machine): Promise<Map<string, string[]>> {
  type Told = { ifname?: string; addr_info?: { local?: string; scope?: string }[] };
  const told = JSON.parse(await must(machine, 'ip', ['-json', 'address', 'show'], 10 * seconds)) as Told[];
  return new Map(
    told.map(({ ifname = '', addr_info: infos = [] }) => {
      const sorted = [...infos].sort((one, other) => Number(one.scope === 'link') - Number(other.scope === 'link'));
      return [ifname, sorted.flatMap(({ local }) => (/^[0-9a-f.:]{2,45}$/.test(local ?? '') ? [local as string] : []))];
    }),
  );
}

/** An address that somebody there gave the box, or that it made from their prefix. */
export async function hasAddress(machine: Machine, link: string): Promise<boolean> {
  const addresses = (await readAddresses(machine)).get(link) ?? [];
  return addresses.some((address) => !/^(fe80:|169\.254\.)/.test(address));
}
