/** What an idle box keeps in memory: the whole machine, and Nightjar alone. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PiBox } from './pi-box.ts';

const MiB = 1024 * 1024;
const quietMs = 90_000;
/** An emulated processor takes half a minute over a picture that a Pi makes in two seconds. */
const picturesMsMax = 1_800_000;

/**
 * Once every picture is made: the media worker leaves a minute after the last. `nightjar`: the anonymous memory of daemon
 * and media worker; what lies in files, as Node's own code does, the kernel takes back when somebody needs it.
 */
export async function idleMemory(box: PiBox): Promise<{ used: number; nightjar: number; told: string }> {
  const deadline = Date.now() + picturesMsMax;
  const media = async () => (await box.try('systemctl is-active nightjar-media.service')).output.trim();
  while ((await media()) === 'active' && Date.now() < deadline) await pause(5_000);
  await pause(quietMs);
  const used = Number(await box.run("free -b | awk '/^Mem:/ {print $3}'"));
  let nightjar = 0;
  const parts: string[] = [];
  for (const unit of ['nightjar.service', 'nightjar-media.service']) {
    // Of "Pss" what is shared with others counts by halves, thirds... and the program's own file is in it.
    const sums = `for p in $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup ${unit})/cgroup.procs 2>/dev/null); do
      cat /proc/$p/smaps_rollup 2>/dev/null; done | awk '/^Anonymous:/ {sum += $2} /^Pss:/ {all += $2} END {print sum * 1024, all * 1024}'`;
    const [anonymous = 0, all = 0] = (await box.run(sums)).split(' ').map(Number);
    nightjar += anonymous;
    parts.push(`${unit} ${mebibytes(anonymous)} (with its files ${mebibytes(all)})`);
  }
  return { used, nightjar, told: `idle, the whole machine uses ${mebibytes(used)}; of it ${parts.join(', ')}` };
}

function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`;
}
