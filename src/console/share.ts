/** Whether people can open their photos from another computer: `nightjar share`. */
import type { ShareView } from '../share/contract.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

const states: Readonly<Record<ShareView['state'], string>> = {
  off: 'The share is off.',
  nobody: 'The share is on. Nobody has a password for it yet: people make theirs on the page “Open on a computer”.',
  'disk-away': 'The share is on, and waits for the disk.',
  starting: 'The share is on, and is being started.',
  serving: 'The share is on.',
  failed: 'The share is on, and does not work; the box tries again by itself.',
};
const problems: Readonly<Record<NonNullable<ShareView['problem']>, string>> = {
  'samba-missing': 'Samba is not installed. On Debian: apt-get install samba libnss-wrapper',
  'port-taken':
    'Another program of this machine has its port (is smbd of Debian running? systemctl disable --now smbd).',
  'folder-unsuitable': 'The path of the state folder is too long for it, or has letters that smbd does not take.',
  failed: 'The program that serves it ends at once; the log of the box says more.',
};

/** `action`: on, off, or status. @throws {Failure} when it is on and does not work */
export async function runShare(
  asked: { action: string; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
): Promise<void> {
  const { action, json } = asked;
  if (!['on', 'off', 'status'].includes(action))
    throw new Failure('"nightjar share" takes on, off or status. "nightjar --help" says how.', 2);
  const reply =
    action === 'status' ? box.ask('GET', '/api/share') : box.ask('PUT', '/api/share', { on: action === 'on' });
  const it = (await reply) as ShareView;
  if (json) return terminal.out(JSON.stringify(it));
  terminal.out(states[it.state]);
  if (it.problem !== null) terminal.out(problems[it.problem]);
  if (!it.on) return;
  terminal.out(`People with a password for it: ${it.passwords ?? 0}`);
  for (const host of it.hosts) terminal.out(`  smb://${host}/`);
}
