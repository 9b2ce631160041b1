/**
 * What an image must be, looked at before it is packed: says everything that is wrong, and then exits with status 1. Never
 * changes anything; called by `image/build` alone.
 */
import { existsSync, lstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { debianPackages, nodePackages } from './packages.ts';

const codeCacheBytesMin = 100_000;
const squashfsBytesMax = 350e6;
const imageBytesMax = 470e6;
/** Two boards' worth of kernel and initial RAM filesystem must fit beside each other on a slot's boot partition. */
const bootBytesMax = 200e6;
const sectorBytes = 512;

const option = { type: 'string' } as const;
const { values } = parseArgs({ options: { board: option, work: option, packed: option } });
const { board = '', work = '', packed } = values;
const tree = join(work, 'tree');
const faults: string[] = [];

if (packed === undefined) {
  accounts();
  secrets();
  units();
  programs();
  packages();
  if (board !== 'container') {
    bus();
    codeCaches();
  }
  if (board !== 'container') bootFiles();
  if (board === 'pi') raspberryPi();
  if (board !== 'container') atMost('the squashfs', join(work, 'root.squashfs'), squashfsBytesMax);
} else {
  atMost('the image', packed, imageBytesMax);
}
for (const fault of faults) process.stderr.write(`  wrong: ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function must(holds: boolean, otherwise: string): void {
  if (!holds) faults.push(otherwise);
}

function atMost(what: string, path: string, bytesMax: number): void {
  const { size } = statSync(path);
  const text = `${(size / 1e6).toFixed(0)} MB, of at most ${bytesMax / 1e6}`;
  process.stderr.write(`  ${what}: ${text}\n`);
  must(size <= bytesMax, `${what} has ${text}`);
}

/** passwd(5), shadow(5): a password that nothing hashes to lets nobody in; an empty one lets everybody in. */
function accounts(): void {
  const lines = (file: string) =>
    readFileSync(join(tree, 'etc', file), 'utf8')
      .trim()
      .split('\n');
  for (const line of lines('shadow')) {
    const [name, password = ''] = line.split(':');
    must(/^[!*]/.test(password), `the account ${name} has a password, or needs none`);
  }
  for (const line of lines('passwd')) {
    const [name, password, id, , , , shell = ''] = line.split(':');
    must(password === 'x', `the account ${name} has its password in /etc/passwd`);
    must(id !== '0' || name === 'root', `the account ${name} is root under another name`);
    must(name === 'root' || /(nologin|false|sync)$/.test(shell), `the account ${name} has a shell: ${shell}`);
    const pinned = { nightjar: '800', 'nightjar-media': '801', 'nightjar-share': '802' }[name ?? ''];
    must(
      pinned === undefined || id === pinned,
      `the account ${name} has number ${id}, and files of others have ${pinned}`,
    );
  }
}

/** What must be each box's own is in no image. */
function secrets(): void {
  for (const name of readdirSync(join(tree, 'etc/ssh'))) {
    must(!name.startsWith('ssh_host_'), `/etc/ssh/${name} would be every box's`);
  }
  must(statSync(join(tree, 'etc/machine-id')).size === 0, '/etc/machine-id would be every box\u2019s');
  must(!existsSync(join(tree, 'etc/nightjar/update-keys/update.key')), 'the key that signs updates is in the image');
}

function units(): void {
  const wanted = readdirSync(join(tree, 'etc/systemd/system'), { recursive: true }).map(String);
  const runs = (unit: string) => wanted.some((path) => path.endsWith(`.wants/${unit}`));
  for (const unit of ['nightjar.service', 'nightjar.socket', 'nightjar-firewall.service', 'systemd-networkd.service']) {
    must(runs(unit), `${unit} does not start by itself`);
  }
  for (const unit of ['ssh.service', 'ssh.socket', 'smbd.service', 'nmbd.service', 'apt-daily.timer']) {
    must(!runs(unit), `${unit} starts by itself`);
  }
}

/** dbus-daemon(1): what Debian's package lets everybody do (install updates, change slots), root alone does here. */
function bus(): void {
  const ours = readFileSync(join(tree, 'etc/dbus-1/system.d/nightjar-rauc.conf'), 'utf8');
  const all = ['etc/dbus-1/system.d', 'usr/share/dbus-1/system.d'].flatMap((dir) =>
    readdirSync(join(tree, dir)).map((name) => readFileSync(join(tree, dir, name), 'utf8')),
  );
  must(ours.includes('<deny send_destination="de.pengutronix.rauc"/>'), 'everybody on the box may install updates');
  const others = all.filter((text) => text !== ours && text.includes('de.pengutronix.rauc'));
  must(others.length === 1, `${others.length} files say who may use RAUC, of one`);
}

/** ELF, "e_machine": whatever npm brought must be the board's. */
function programs(): void {
  const machine = board === 'pi' || (board === 'container' && process.arch === 'arm64') ? 183 : 62;
  const lib = join(tree, 'usr/lib/nightjar');
  const modules = readdirSync(join(lib, 'app/node_modules'), { recursive: true }).map(String);
  const files = modules
    .filter((path) => /\.(node|so(\.[0-9.]+)?)$/.test(path))
    .map((path) => join('app/node_modules', path));
  must(files.length >= 3, 'SQLite, sharp or libvips is not among the packages');
  for (const path of ['node', ...files]) {
    const head = Buffer.alloc(20);
    if (!lstatSync(join(lib, path)).isFile()) continue;
    readSync(openSync(join(lib, path), 'r'), head);
    must(head.readUInt16LE(18) === machine, `${path} is another architecture's`);
  }
  for (const path of [
    'board',
    'version',
    'app/src/main.mjs',
    'app/dist/web/index.html',
    'app/dist/nightjar-phone.tgz',
  ]) {
    must(existsSync(join(lib, path)), `/usr/lib/nightjar/${path} is missing`);
  }
}

/** Without them every start takes seconds more (image/warm). */
function codeCaches(): void {
  for (const name of ['nightjar', 'nightjar-media', 'nightjar-console', 'root']) {
    const dir = join(tree, 'usr/lib/nightjar/compiled', name);
    const bytes = readdirSync(dir, { recursive: true })
      .map((path) => lstatSync(join(dir, String(path))))
      .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
    must(bytes > codeCacheBytesMin, `the cache of ${name}'s compiled code has ${bytes} bytes`);
  }
}

function packages(): void {
  const debian = debianPackages(tree);
  must(debian.length > 100, 'the list of Debian packages is missing');
  const { packages: npm } = nodePackages(
    new URL('../package-lock.json', import.meta.url).pathname,
    join(tree, 'usr/lib/nightjar/app'),
  );
  must(npm.length > 20, 'the list of npm packages is missing');
}

function bootFiles(): void {
  const files = readdirSync(join(work, 'boot'));
  const bytes = files.reduce((sum, name) => sum + statSync(join(work, 'boot', name)).size, 0);
  must(bytes <= bootBytesMax, `the boot partition holds ${bytes} bytes, of at most ${bootBytesMax}`);
  // boot-slots/fit-slot overwrites its sector.
  const line = readFileSync(join(work, 'boot', board === 'pi' ? 'cmdline.txt' : 'slot.cfg'), 'utf8');
  must(Buffer.byteLength(line) <= sectorBytes, 'the kernel\u2019s arguments take more than a sector');
  must(/root=PARTLABEL=root_a .*rauc\.slot=A/.test(line), 'the kernel\u2019s arguments name no slot');
  must(existsSync(join(tree, 'etc/nightjar/update-keys/update.pem')), 'the certificate of the update key is missing');
}

/** No Pi was at hand to be asked: what a Pi 5 cannot start without, by the kernel's own account. */
function raspberryPi(): void {
  const config = readFileSync(join(work, 'kernel-config'), 'utf8');
  // RP1 (the Pi 5's ports), its clocks and pins; its SD card, PCIe, network; the same of a Pi 4.
  const options = 'MISC_RP1 COMMON_CLK_RP1 PINCTRL_RP1 MMC_SDHCI_BRCMSTB PCIE_BRCMSTB MACB BCMGENET MMC_SDHCI_IPROC';
  for (const name of [...options.split(' '), 'RASPBERRYPI_FIRMWARE', 'BCM2835_WDT', 'BRCMFMAC', 'SQUASHFS_ZSTD']) {
    must(new RegExp(`^CONFIG_${name}=[ym]$`, 'm').test(config), `the kernel has no ${name}`);
  }
  // Pi 4; Pi 5 with the chip's first making (C1) and its later one (D0), by the kernel's name and the firmware's.
  const trees = ['bcm2711-rpi-4-b', 'bcm2712-rpi-5-b', 'bcm2712-d-rpi-5-b', 'bcm2712d0-rpi-5-b'].map(
    (name) => `${name}.dtb`,
  );
  // What tells the firmware to try a slot (boot-slots/backend), for this kernel and no other.
  const [kernel = ''] = readdirSync(join(tree, 'usr/lib/modules'));
  const module = join(tree, 'usr/lib/modules', kernel, 'updates/nightjar-tryboot.ko');
  const magic = existsSync(module) && readFileSync(module).includes(`vermagic=${kernel} `);
  must(magic, `the module nightjar-tryboot of kernel ${kernel} is missing`);
  for (const name of ['config.txt', 'kernel8.img', 'initramfs8', 'start4.elf', 'fixup4.dat', ...trees]) {
    must(existsSync(join(work, 'boot', name)), `the boot partition has no ${name}`);
  }
}
