/** A flashed card in an emulated box, its owner, and a phone of hers with pictures: what the image tests start from. */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFailed } from 'vitest';
import type { UpdatesView } from '../../../src/updates/updates-contract.ts';
import { say } from '../../support/counts.ts';
import { exifJpeg } from '../../support/exif-jpeg.ts';
import { quarteredVideo } from '../../support/made-media.ts';
import { realMedia } from '../../support/real-media.ts';
import { RealPhone } from '../../support/real-phone.ts';
import { builtImage, Card } from './card.ts';
import { DataDisk } from './data-disk.ts';
import { Owner } from './owner.ts';
import { PiBox } from './pi-box.ts';

const GiB = 1024 ** 3;
/** Twice what the image fills: the state has to grow. */
const cardBytes = 8 * GiB;
const phoneMsMax = 1_800_000;
const installMsMax = 1_800_000;
const installsMax = 3;
const looksMax = 5;
const board = 'pi';

/** Why the image cannot be booted here; undefined when it can. */
export async function imageMissing(): Promise<string | undefined> {
  return (await builtImage(board)) === undefined ? 'dist has no image (make image)' : undefined;
}

export class World {
  readonly dir: string;
  readonly box: PiBox;
  /** Another browser of hers is another one. */
  owner: Owner;
  readonly phone: RealPhone;
  /** The phone's pictures. */
  readonly pictures: string;
  /** Of the claimed box. */
  library: DataDisk | undefined;

  private constructor(dir: string, box: PiBox) {
    this.dir = dir;
    this.box = box;
    this.owner = new Owner(box);
    this.phone = new RealPhone(dir, [], phoneMsMax);
    this.pictures = join(dir, 'DCIM');
  }

  /** A card that was never in a box, and a phone that was never paired. */
  static async make(): Promise<World> {
    const image = await builtImage(board);
    if (image === undefined) throw new Error('dist has no image: make image');
    // Sockets are in it: short.
    const dir = await mkdtemp(join(tmpdir(), 'nji-'));
    const card = await Card.write(image, join(dir, 'card.img'), cardBytes);
    const world = new World(dir, await PiBox.make(card, join(dir, 'b')));
    await mkdir(world.pictures);
    return world;
  }

  /** Powered on, claimed, with a library on a disk and a paired phone. */
  async setUp(): Promise<void> {
    const library = await this.disk('virtio', 'NJLIBRARY');
    await this.box.plug(library);
    await this.box.powerOn();
    await this.box.serves();
    await this.owner.claim();
    await this.owner.adopt(library.serial, 'library');
    this.library = library;
    await this.phone.pair(await this.owner.pairingLink('a phone'));
  }

  async disk(bus: 'virtio' | 'nvme' | 'usb', serial: string): Promise<DataDisk> {
    return await DataDisk.make(bus, serial, join(this.dir, `${serial}.img`));
  }

  /** A stick with these files in the box. */
  async stick(serial: string, files: readonly string[]): Promise<DataDisk> {
    const folder = join(this.dir, `${serial}-files`);
    await mkdir(folder);
    for (const file of files) await cp(file, join(folder, basename(file)));
    const stick = await DataDisk.withFiles('usb', serial, join(this.dir, `${serial}.img`), folder);
    await rm(folder, { recursive: true });
    await this.box.plug(stick);
    return stick;
  }

  /** Installs an update from a stick, and waits until it is over: what became of it. */
  async install(serial: string, name: string): Promise<UpdatesView['outcome']> {
    const before = (await this.updates()).outcome?.at ?? 0;
    await this.beginInstall(serial, name);
    for (const deadline = Date.now() + installMsMax; ; await pause(2_000)) {
      const { outcome, activity } = await this.updates();
      if (activity === null && outcome !== null && outcome.at > before) return outcome;
      if (Date.now() > deadline) throw new Error(`The update does not end: ${JSON.stringify(activity)}`);
    }
  }

  async beginInstall(serial: string, name: string): Promise<void> {
    await this.owner.confirm();
    const { volumes } = await this.owner.toDisk(serial, 'look', {});
    const source = volumes[0]?.source;
    if (typeof source !== 'string') throw new Error(`The stick cannot be looked at: ${JSON.stringify(volumes)}`);
    for (let again = 0; ; again++) {
      const { status, text } = await this.owner.ask('POST', '/api/updates/install', {
        from: { kind: 'disk', source, name },
      });
      if (status === 202) return;
      // "It may have been done all the same: look before you ask again."
      if (status !== 500 || again === installsMax) throw new Error(`The install: ${status} ${text}`);
      await pause(10_000);
      if ((await this.updates()).activity !== null) return;
    }
  }

  async updates(): Promise<UpdatesView> {
    for (let again = 0; ; again++) {
      const { status, text } = await this.owner.ask('GET', '/api/updates');
      if (status === 200) return JSON.parse(text) as UpdatesView;
      // Right after a start the helper may need longer than the minute that it has. To look again is what the message says.
      if (again === looksMax) throw new Error(`GET /api/updates: ${status} ${text}`);
      await pause(10_000);
    }
  }

  /** New pictures on the phone. `bytes`: of each. */
  async takePictures(count: number, bytes = 200_000): Promise<void> {
    const seed = (await readdir(this.pictures)).length + 1;
    for (let n = seed; n < seed + count; n++) {
      const picture = exifJpeg({ seed: n, bytes: bytes + n, takenLocal: '2026-07-14T09:30:00' });
      await writeFile(join(this.pictures, `IMG_${n}.jpg`), picture);
    }
  }

  /** Real pictures where there are some, and a video. The count of files on the phone. */
  async takeRealMedia(): Promise<number> {
    for (const path of realMedia()) await cp(path, join(this.pictures, basename(path)));
    await cp(await quarteredVideo(this.dir, 'VID_1.mp4'), join(this.pictures, 'VID_1.mp4'));
    await this.takePictures(3);
    return (await readdir(this.pictures)).length;
  }

  async backUp(): Promise<{ exitCode: number; last: Record<string, unknown> }> {
    return await this.phone.run('backup', this.pictures, '--patience', '1200', '--no-search');
  }

  /** Fetches the whole library, and says what of the phone's pictures is not in it, byte for byte. */
  async lost(): Promise<string[]> {
    const target = join(this.dir, 'restored');
    await rm(target, { recursive: true, force: true });
    const { exitCode, last } = await this.phone.run('restore', target, '--own', '--no-search', '--patience', '600');
    if (exitCode !== 0) throw new Error(`The restore ended with ${exitCode}: ${JSON.stringify(last)}`);
    const back = new Set<string>();
    for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) back.add(await sumOf(join(entry.parentPath, entry.name)));
    }
    const lost: string[] = [];
    for (const name of await readdir(this.pictures)) {
      if (!back.has(await sumOf(join(this.pictures, name)))) lost.push(name);
    }
    return lost;
  }

  /** What systemd says has failed; the journal of each comes along. */
  async failedUnits(): Promise<string> {
    await this.box.try('systemctl is-system-running --wait', 900_000);
    const { output } = await this.box.try('systemctl list-units --failed --plain --no-legend --no-pager');
    if (output === '') return '';
    const names = output.split('\n').map((line) => line.trim().split(/\s+/)[0]);
    return `${output}\n${await this.box.run(`journalctl -b --no-pager -n 80 ${names.map((one) => `-u '${one}'`).join(' ')}`)}`;
  }

  /** Every filesystem on the card and on the disks, as they are now; the box must be off. */
  async damage(...disks: DataDisk[]): Promise<string[]> {
    const wrong = await this.box.card.damage(this.dir);
    for (const disk of disks) wrong.push(...(await disk.damage(this.dir)));
    return wrong;
  }

  /** Of a failed test: the end of the console. */
  tellWhenFailed(): void {
    onTestFailed(async () => say(await this.box.tail()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box.kill();
    if (process.env['NIGHTJAR_IMAGE_KEEP'] === '1') say(`image: kept in ${this.dir}`);
    else await rm(this.dir, { recursive: true, force: true });
  }
}

async function sumOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
