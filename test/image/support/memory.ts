/** What an idle box keeps in memory: the whole machine, and Nightjar alone. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PiBox } from './pi-box.ts';

const MiB = 1024 * 1024;
const quietMs = 90_000;
/** An emulated processor takes half a minute over a picture that a Pi makes in two seconds. */
const picturesMsMax = 1_800_000;

/** Once every picture is made: the media worker leaves a minute after the last. `nightjar`: daemon and media worker, each page by its share. */
export async function idleMemory(box: PiBox): Promise<{ used: number; nightjar: number; told: string }> {
  const deadline = Date.now() + picturesMsMax;
  const media = async () => (await box.try('systemctl is-active nightjar-media.service')).output.trim();
  while ((await media()) === 'active' && Date.now() < deadline) await pause(5_000);
  await pause(quietMs);
  const used = Number(await box.run("free -b | awk '/^Mem:/ {print $3}'"));
  let nightjar = 0;
  const parts: string[] = [];
  for (const unit of ['nightjar.service', 'nightjar-media.service']) {
    // PSS: what is shared with others counts by halves, thirds...
    const sum = `for p in $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup ${unit})/cgroup.procs 2>/dev/null); do
      cat /proc/$p/smaps_rollup 2>/dev/null; done | awk '/^Pss:/ {sum += $2} END {print sum * 1024}'`;
    const bytes = Number(await box.run(sum));
    nightjar += bytes;
    parts.push(`${unit} ${mebibytes(bytes)}`);
  }
  return { used, nightjar, told: `idle, the whole machine uses ${mebibytes(used)}; of it ${parts.join(', ')}` };
}

function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`;
}
