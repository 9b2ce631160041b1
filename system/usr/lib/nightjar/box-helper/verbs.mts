/** What each verb does. No argument of a program comes from a request as it is, but for numbers and names of ports. */
import type { BoxAnswer, BoxRequest, BoxVerb } from '../../../../../src/appliance/box-protocol.ts';
import { keptDir, type Machine } from './machine.mts';
import { network } from './network.mts';
import { remoteShell, setRemoteShell } from './remote-shell.mts';
import { Refused } from './request.mts';
import { must } from './run.mts';
import { forgetWifi, joinWifi } from './wifi.mts';

const seconds = 1_000;
/** What is emptied at the next start: the unit that does so looks for this file. */
const resetMarker = `${keptDir}/factory-reset`;
const outboundSet = 'nightjar_out';
/** Less is two clocks that do not tick alike. */
const behindMsMin = 2_000;

/** Does what is asked. @throws {Refused} */
export async function perform(request: BoxRequest, machine: Machine): Promise<BoxAnswer<BoxVerb> | object> {
  switch (request.verb) {
    case 'restart':
      return await end(machine, 'reboot');
    case 'power-off':
      return await end(machine, 'poweroff');
    case 'factory-reset':
      machine.write(resetMarker, `asked for at ${new Date(machine.now()).toISOString()}\n`);
      return await end(machine, 'reboot');
    case 'network':
      return await network(machine, request);
    case 'wifi-join':
      return await joinWifi(machine, request);
    case 'wifi-forget':
      return await forgetWifi(machine);
    case 'ssh-status':
      return remoteShell(machine);
    case 'ssh':
      return await setRemoteShell(machine, request);
    case 'outbound':
      return await outbound(machine, request);
    case 'clock':
      return await setClock(machine, request.time);
    case 'update-status':
    case 'update-install':
    case 'update-restart': {
      // Only then: none of the others needs what it brings.
      const updates = await import('./updates.mts');
      if (request.verb === 'update-status') return await updates.updateStatus();
      if (request.verb === 'update-install') return await updates.updateInstall(request);
      return await updates.updateRestart();
    }
  }
}

/** Asked for and not waited for: this process is among what is ended. */
async function end(machine: Machine, how: 'reboot' | 'poweroff'): Promise<BoxAnswer<'restart'>> {
  await must(machine, 'systemctl', ['--no-block', how], 30 * seconds);
  return {};
}

/** All in one step, so that nothing that stays open is closed for a moment. */
async function outbound(
  machine: Machine,
  { ports }: Extract<BoxRequest, { verb: 'outbound' }>,
): Promise<BoxAnswer<'outbound'>> {
  const set = await firewallSet(machine, outboundSet);
  const elements = [...new Set(ports.map(({ protocol, port }) => `${protocol} . ${port}`))];
  const add = elements.length === 0 ? '' : `add element ${set} { ${elements.join(', ')} }\n`;
  await must(machine, 'nft', ['-f', '-'], 20 * seconds, `flush set ${set}\n${add}`);
  return {};
}

/** `family table name` of the set with this name, as nft takes it. @throws {Refused} `unsuitable` */
async function firewallSet(machine: Machine, name: string): Promise<string> {
  const said = await must(machine, 'nft', ['-j', 'list', 'sets'], 20 * seconds);
  const { nftables = [] } = JSON.parse(said) as {
    nftables?: { set?: { family: string; table: string; name: string } }[];
  };
  const found = nftables.map(({ set }) => set).find((set) => set?.name === name);
  if (found !== undefined && /^[a-z0-9]+ [A-Za-z0-9_-]+$/.test(`${found.family} ${found.table}`)) {
    return `${found.family} ${found.table} ${name}`;
  }
  throw new Refused('unsuitable', 'The box’s firewall is not loaded: there is nothing to open or close.');
}

/** Forward only: what was signed, and what codes were good for, must not become good again. */
async function setClock(machine: Machine, time: number): Promise<BoxAnswer<'clock'>> {
  if (time < machine.now() + behindMsMin) return { set: false };
  await must(machine, 'date', ['--utc', `--set=@${(time / 1000).toFixed(3)}`], 10 * seconds);
  return { set: true };
}
