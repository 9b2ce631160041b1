/**
 * Coming in by ssh: off unless the file of keys is there, and then by those keys alone (`sshd_config`, and the unit
 * `nightjar-ssh.service`, which opens the firewall for as long as it runs).
 */
import type { BoxAnswer, BoxRequest } from '../../../../../src/appliance/box-protocol.ts';
import { keptDir, type Machine } from './machine.mts';
import { fingerprintOf, isPublicKey } from './public-key.mts';
import { Refused } from './request.mts';
import { must } from './run.mts';

const keysFile = `${keptDir}/ssh/authorized_keys`;
/** Kept while nobody may come in, so that they need not be typed again. */
const asideFile = `${keptDir}/ssh/keys-while-off`;
const unit = 'nightjar-ssh.service';
const startMs = 60_000;
const keysMax = 8;

export function remoteShell(machine: Machine): BoxAnswer<'ssh-status'> {
  const text = machine.read(keysFile);
  const lines = (text ?? machine.read(asideFile) ?? '').split('\n').map((line) => line.trim());
  const keys = lines.filter(isPublicKey).slice(0, keysMax);
  const on = text !== undefined && keys.length > 0;
  return { on, user: 'root', keys: keys.map((line) => ({ line, fingerprint: fingerprintOf(line) })) };
}

/** @throws {Refused} `invalid-request`, `failed` */
export async function setRemoteShell(
  machine: Machine,
  { on, keys }: Extract<BoxRequest, { verb: 'ssh' }>,
): Promise<BoxAnswer<'ssh'>> {
  if (on && keys.length === 0)
    throw new Refused('invalid-request', 'Without a key nobody could come in. Nothing was changed.');
  const unlock = await machine.lock('ssh');
  try {
    const aside = machine.read(asideFile);
    const before = remoteShell(machine);
    const former = before.on ? before.keys.map(({ line }) => line) : [];
    const rest = former.filter((line) => keys.includes(line));
    machine.write(on ? keysFile : asideFile, textOf(keys));
    machine.remove(on ? asideFile : keysFile);
    try {
      // Whoever came in by a key that is taken away goes out with it. sshd alone knows who that is: everybody does.
      const start = rest.length < former.length ? 'restart' : 'start';
      await must(machine, 'systemctl', [on ? start : 'stop', unit], startMs);
    } catch (error) {
      if (on) takeBack(machine, rest, aside);
      throw error;
    }
    return remoteShell(machine);
  } finally {
    unlock();
  }
}

/** What was refused is not to begin at the next start after all; and a key that was to go does not come back. */
function takeBack(machine: Machine, rest: readonly string[], aside: string | undefined): void {
  if (aside !== undefined) machine.write(asideFile, aside);
  if (rest.length > 0) machine.write(keysFile, textOf(rest));
  else machine.remove(keysFile);
}

function textOf(keys: readonly string[]): string {
  return keys.map((line) => `${line}\n`).join('');
}
