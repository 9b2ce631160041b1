/**
 * The image for small computers, started once as their firmware starts it (UEFI, GRUB): nothing fails, it serves, and it
 * belongs to whoever has the code on its screen.
 */
import { access, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say } from '../support/counts.ts';
import { freePort } from '../support/free-port.ts';
import { builtImage, Card } from './support/card.ts';
import { ConsoleLine } from './support/lines.ts';
import { Machine } from './support/machine.ts';

const firmware = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const variables = '/usr/share/OVMF/OVMF_VARS_4M.fd';
const cardBytes = 8 * 1024 ** 3;
const missing = await missingHere();
if (missing !== undefined) say(`the image for small computers cannot be started here: ${missing}`);

describe.skipIf(missing !== undefined)('the image for small computers', () => {
  let dir: string;
  let card: Card;
  let machine: Machine;
  let screen: ConsoleLine;
  let http: number;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njp-'));
    http = await freePort();
    card = await Card.write((await builtImage('pc')) ?? '', join(dir, 'card.img'), cardBytes);
    const line = join(dir, 'slot.cfg');
    // Of every unit systemd says on the last named console what became of it.
    const told = (await card.readText('boot_a', 'slot.cfg')).replace(
      / quiet$/m,
      ' systemd.show_status=1 console=ttyS0,115200',
    );
    await writeFile(line, told);
    await card.writeFile('boot_a', 'slot.cfg', line);
    await cp(variables, join(dir, 'variables'));
    const log = join(dir, 'console.log');
    screen = new ConsoleLine(log);
    machine = await Machine.start({
      program: 'qemu-system-x86_64',
      dir,
      consoleLog: log,
      args: [
        ...['-M', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
        ...['-drive', `if=pflash,format=raw,readonly=on,file=${firmware}`],
        ...['-drive', `if=pflash,format=raw,file=${join(dir, 'variables')}`],
        ...['-drive', `if=none,id=card,format=raw,file=${card.path}`, '-device', 'nvme,serial=NJSYSTEM,drive=card'],
        ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${http}-:80`, '-device', 'e1000e,netdev=net'],
        ...['-chardev', 'null,id=none'],
      ],
    });
    await screen.plug(machine.consolePath);
  });
  afterAll(async () => {
    await machine?.kill();
    await rm(dir, { recursive: true, force: true });
  });

  it('starts, fails at nothing, and is claimed by the code on its screen', async () => {
    const box = `http://127.0.0.1:${http}`;
    const [, code] = await screen.until(/setup code:\s+(\S+)/, { ms: 900_000 });
    await expect.poll(async () => (await fetch(`${box}/nightjar-root.pem`).catch(() => undefined))?.status).toBe(200);
    const text = await screen.text();
    expect(text).not.toMatch(/\[FAILED\]|\[DEPEND\]/);
    expect(text).toContain('[  OK  ]');
    expect(code).toMatch(/^[0-9A-Z-]{8,}$/);
  });
});

/** Undefined: it can be tried. No other test needs this image, so that its absence is said also in CI, and no failure. */
async function missingHere(): Promise<string | undefined> {
  if ((await builtImage('pc')) === undefined) return 'dist has no image (make image BOARD=pc)';
  try {
    await Promise.all([access(firmware), access(variables)]);
  } catch {
    return 'OVMF is missing (Debian: ovmf, qemu-system-x86)';
  }
  return undefined;
}
