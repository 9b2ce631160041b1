/**
 * The Raspberry Pi's firmware, as far as this image uses it: which partition is started (`autoboot.txt`, `tryboot`), and
 * what config.txt there names. Raspberry Pi documentation, "config.txt", sections "autoboot.txt" and "Boot options".
 */
import { join } from 'node:path';
import type { Card } from './card.ts';

export type Started = Readonly<{ partition: number; kernel: string; initrd: string; cmdline: string }>;

/** Reads what the firmware would load. `dir`: where kernel and initial RAM filesystem are put for QEMU. */
export async function firmware(card: Card, dir: string, tryBoot: boolean): Promise<Started> {
  const autoboot = sectionsOf(await card.readText(1, 'autoboot.txt'));
  const all = autoboot.get('all') ?? new Map<string, string>();
  // Without this line the firmware would look for tryboot.txt in the usual partition instead.
  if (tryBoot && all.get('tryboot_a_b') !== '1') throw new Error('autoboot.txt has no tryboot_a_b=1');
  const chosen = (tryBoot ? autoboot.get('tryboot')?.get('boot_partition') : undefined) ?? all.get('boot_partition');
  const partition = Number(chosen);
  if (!Number.isInteger(partition)) throw new Error('autoboot.txt names no boot_partition');
  const text = await card.readText(partition, 'config.txt');
  const settings = sectionsOf(text).get('all') ?? new Map<string, string>();
  const initrdName = /^\s*initramfs\s+(\S+)/m.exec(text)?.[1] ?? 'initramfs8';
  const [kernel, initrd] = [join(dir, `kernel-${partition}`), join(dir, `initrd-${partition}`)];
  await card.readFile(partition, settings.get('kernel') ?? 'kernel8.img', kernel);
  await card.readFile(partition, initrdName, initrd);
  const cmdline = (await card.readText(partition, settings.get('cmdline') ?? 'cmdline.txt')).trim();
  // One line is all the firmware reads.
  return { partition, kernel, initrd, cmdline: cmdline.split('\n')[0] ?? '' };
}

/** `key=value` lines by section; those before the first section are for all. A later line wins. */
function sectionsOf(text: string): Map<string, Map<string, string>> {
  const sections = new Map([['all', new Map<string, string>()]]);
  let section = 'all';
  for (const line of text.split(/\r?\n/)) {
    const [, head] = /^\s*\[([^\]]+)\]/.exec(line) ?? [];
    if (head !== undefined) section = head;
    const [, key, value] = /^\s*([a-z0-9_]+)\s*=\s*([^#]*?)\s*$/i.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (!sections.has(section)) sections.set(section, new Map());
    sections.get(section)?.set(key, value);
  }
  return sections;
}
