/**
 * The attached disks as their owner sees them: chosen in the first run, watched with reasons and charts, looked at, erased by
 * their typed name, let go of. The helper is the test's own, with disks of every kind.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { PlantedHelper } from '../support/planted-helper.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const dayMs = 86_400_000;
const TB = 1e12;
const GB = 1e9;
const clock = { aheadMs: 0 };
const ironWolf = 'Seagate IronWolf 4F2A';
const t7 = 'Samsung T7 88QK';
const elements = 'WD Elements 1T0M';
const report = (table: readonly [id: number, name: string, raw: number][], celsius: number) => ({
  device: { type: 'sat', protocol: 'ATA' },
  ...{ model_name: 'IronWolf', serial_number: 'ZA14F2A', rotation_rate: 5400, firmware_version: 'SC60' },
  smart_status: { passed: true },
  temperature: { current: celsius },
  power_on_time: { hours: 11_204 },
  ata_smart_attributes: { table: table.map(([id, name, value]) => ({ id, name, raw: { value, string: `${value}` } })) },
  ata_smart_self_test_log: {
    standard: {
      table: [11_180, 11_010, 10_840].map((hours, index) => ({
        type: { value: index === 1 ? 2 : 1 },
        status: { value: 0 },
        lifetime_hours: hours,
      })),
    },
  },
});
const well = report(
  [
    [5, 'Reallocated_Sector_Ct', 0],
    [187, 'Reported_Uncorrect', 0],
    [197, 'Current_Pending_Sector', 0],
    [198, 'Offline_Uncorrectable', 0],
    [199, 'UDMA_CRC_Error_Count', 2],
  ],
  33,
);
const bad = {
  ...report(
    [
      [5, 'Reallocated_Sector_Ct', 31],
      [187, 'Reported_Uncorrect', 24],
      [197, 'Current_Pending_Sector', 24],
      [198, 'Offline_Uncorrectable', 24],
      [199, 'UDMA_CRC_Error_Count', 2],
    ],
    36,
  ),
  smart_status: { passed: false },
};

let helper: PlantedHelper;
let house: WebHouse;
let libraryId = '';
/** One by day and one by night, for all that follows the first run. */
let desk: Visitor;
let hand: Visitor;
beforeAll(async () => {
  helper = await PlantedHelper.start();
  helper.reports.set('sda', well);
  helper.reports.set('sdb', { ...well, rotation_rate: 0, temperature: { current: 29 } });
  await helper.plug({
    name: 'sda',
    model: 'Seagate IronWolf',
    serial: 'ZA14F2A',
    sizeBytes: 2 * TB,
    bus: 'sata',
    filesystem: 'ext4',
  });
  await helper.plug({ name: 'sdb', model: 'Samsung T7', serial: 'S5TB88QK', sizeBytes: TB, spinning: false });
  const photos = ['DCIM', 'Holiday 2019', 'Scans'];
  await helper.plug({
    name: 'sdc',
    model: 'WD Elements',
    serial: 'WX71T0M',
    sizeBytes: 2 * TB,
    filesystem: 'exfat',
    label: 'Backup',
    holds: photos,
  });
  await helper.plug({
    name: 'nvme0n1',
    model: 'Kingston NV2',
    serial: 'K1',
    sizeBytes: 250 * GB,
    bus: 'nvme',
    status: 'system',
  });
  house = await WebHouse.start({
    claimed: false,
    env: { NIGHTJAR_DISK_DIR: '' },
    now: () => Date.now() + clock.aheadMs,
    pollMs: 200,
    machine: {
      read: async () => ({ memory: null, celsius: null }),
      room: async () => ({ totalBytes: 2 * TB, freeBytes: 1.38 * TB }),
    },
    disks: helper.planted,
  });
});
afterAll(async () => {
  await house?.[Symbol.asyncDispose]();
  await helper?.[Symbol.asyncDispose]();
});

async function look(visitor: Visitor, name: string): Promise<void> {
  await expect.poll(() => visitor.page.locator('.skeleton').count(), { message: name }).toBe(0);
  await visitor.shot(name, { full: true });
  expect(await visitor.overflow(), name).toBe(0);
}

async function fine(visitor: Visitor, name: string): Promise<void> {
  await look(visitor, name);
  expect(await visitor.axe(), name).toEqual([]);
}

const disks = async () => {
  const { disks: all } = (await house.app.console('GET', '/api/disks')).json() as {
    disks: { id: string; name: string }[];
  };
  return all;
};
const idOf = async (name: string) => (await disks()).find((disk) => disk.name === name)?.id ?? '';

it('asks in the first run where the photos live, and for a second disk', async () => {
  await house.app.claim();
  desk = await house.visit();
  hand = await house.visit({ view: 'phone', theme: 'dark' });
  const visitor = desk;
  const { page } = visitor;
  for (const one of [desk, hand]) await one.signIn('Alice', goodPassword);
  await page.request.put(`${house.origin}/api/first-run/steps/box`, { data: { state: 'done' } });
  await visitor.go('/setup');
  await page.getByRole('heading', { level: 1, name: 'Where should the photos live?' }).waitFor();
  await page.getByText('The box found 3 disks. It has written to none of them.').waitFor();
  expect(await page.getByText('Kingston').count()).toBe(0);
  await page.getByRole('radio', { name: ironWolf }).check();
  await page.getByText('It stays ext4.').waitFor();
  await look(visitor, 'setup-disk');
  await page.getByRole('button', { name: `Use ${ironWolf}` }).click();

  await page.getByRole('heading', { level: 1, name: 'Is there a second disk?' }).waitFor();
  await page.getByRole('radio', { name: t7 }).check();
  await page.getByRole('radio', { name: /Erase it, and use it as a mirror/ }).check();
  await look(visitor, 'setup-second-disk');
  await page.getByRole('button', { name: `Erase and use ${t7}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('All of its 1 TB are erased for good.').waitFor();
  const erase = dialog.getByRole('button', { name: `Erase and use ${t7}` });
  await dialog.getByRole('textbox').fill('Samsung T');
  expect(await erase.isDisabled()).toBe(true);
  await fine(visitor, 'setup-erase');
  expect(helper.asked.filter(({ verb }) => verb === 'format')).toEqual([]);
  await dialog.getByRole('textbox').fill(t7);
  await erase.click();
  await page.getByRole('heading', { level: 1, name: 'What else should guard it?' }).waitFor();
  expect(helper.asked.filter(({ verb }) => verb === 'format')).toMatchObject([
    { disk: { name: 'sdb' }, filesystem: 'ext4', confirm: t7 },
  ]);
});

it('shows all disks: what each is, how it is, what it is for', async () => {
  libraryId = await idOf(ironWolf);
  await past();
  const other = join(helper.folderOf('sdc'), 'DCIM');
  await writeFile(join(other, 'one.jpg'), 'x');
  const { page } = hand;
  await hand.go('/disks');
  await page.getByText('Everything is on two disks, and none of them shows trouble.').waitFor();
  await page.getByText('The library: all photos live here').waitFor();
  await page.getByText('Mirror: everything is on it as well').waitFor();
  await page.getByText('Files of somebody; nothing was written to it').waitFor();
  await page
    .getByText(/^At this pace full in about \d+ (months|years)$/)
    .first()
    .waitFor();
  await page.getByText('Not for photos').click();
  await page.getByText('The box itself stands on it. It is left alone.').waitFor();
  await fine(hand, 'disks');
  await desk.go('/');
  await desk.page.getByRole('heading', { name: 'Disks' }).waitFor();
  await look(desk, 'home-disks');
});

/** A year of nights and three months of warmth. */
async function past(): Promise<void> {
  const rows = new Sqlite(join(house.app.stateDir, 'nightjar.sqlite'), { timeout: 10_000 });
  const room = rows.prepare('INSERT OR REPLACE INTO disk_room (night, total_bytes, free_bytes) VALUES (?, ?, ?)');
  const told = rows.prepare(`INSERT OR REPLACE INTO disk_reading (disk_id, day, temperature_c, power_on_hours, pending)
    VALUES (?, ?, ?, ?, 0)`);
  const today = Math.floor(Date.now() / dayMs);
  rows.transaction(() => {
    for (let ago = 300; ago > 0; ago -= 1) {
      const used = 0.62 * TB - ago * 1.2 * GB - (ago % 7) * 0.3 * GB;
      room.run(new Date((today - ago) * dayMs).toISOString().slice(0, 10), 2 * TB, Math.round(2 * TB - used));
    }
    for (let ago = 80; ago > 0; ago -= 1) {
      told.run(libraryId, today - ago, 31 + (ago % 9 === 0 ? 6 : ago % 3), 11_204 - ago * 24);
    }
  })();
  rows.close();
}

it('says on its own page how a disk is, with what it told over time', async () => {
  const { page } = desk;
  await desk.go('/disks');
  await page.getByRole('link', { name: ironWolf }).click();
  await page.getByRole('heading', { level: 1, name: ironWolf }).waitFor();
  await page.getByRole('heading', { name: 'This disk reads and writes as it should.' }).waitFor();
  await page.getByRole('img', { name: /^At the pace of the last weeks: full in / }).waitFor();
  await page.getByRole('img', { name: /^Warmest: 37 °C on .* Such a disk is warm from 55 °C on\.$/ }).waitFor();
  await expect.poll(() => page.locator('.disks-plot canvas').count()).toBe(2);
  await page.getByText('11,204 hours (1.3 years)').waitFor();
  await page.getByText('Nothing went wrong with it in the last 30 days.').waitFor();
  await page.getByText('Numbers').last().click();
  await page.getByRole('cell', { name: '37 °C' }).first().waitFor();
  await fine(desk, 'disk');
});

it('looks at somebody’s disk without changing it, and lets go of it again', async () => {
  const visitor = hand;
  const { page } = visitor;
  await visitor.go(`/disks/${await idOf(elements)}`);
  await page.getByRole('heading', { name: `What is ${elements} for?` }).waitFor();
  // What harms nothing comes first.
  expect(await page.getByRole('radio', { name: /^Look only/ }).isChecked()).toBe(true);
  await look(visitor, 'disk-foreign');
  await page.getByRole('button', { name: `Look at ${elements}` }).click();
  await page.getByText('3 folders are on it').waitFor();
  await page.getByText('DCIM Holiday 2019 Scans').waitFor();
  expect(await page.getByRole('link', { name: 'Bring photos in from it' }).getAttribute('href')).toBe('/import');
  // Nobody's files are put forward to be erased.
  const erasing = page.getByRole('radio', { name: /^Erase it, and use it as a mirror/ });
  expect(await erasing.isChecked()).toBe(false);
  expect(await page.getByText('Recommended').count()).toBe(0);
  await fine(visitor, 'disk-looked-at');
  await erasing.check();
  await page.getByRole('radio', { name: /^exFAT/ }).check();
  await page.getByRole('button', { name: `Erase and use ${elements}` }).click();
  await page.getByText('There are files of somebody on it: they go.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Eject safely' }).click();
  await page.getByRole('button', { name: `Eject ${elements}` }).click();
  await visitor.go('/disks');
  await page.getByText('It may be pulled now').waitFor();
  expect(helper.asked.filter(({ verb }) => verb === 'format')).toHaveLength(1);
});

it('checks a filesystem, and says what it found', async () => {
  helper.outcome = 'damaged';
  const visitor = desk;
  const { page } = visitor;
  await visitor.go(`/disks/${await idOf(t7)}`);
  await page.getByRole('button', { name: 'Check it' }).click();
  await page.getByText('What uses the disk waits meanwhile; nothing is written.').last().waitFor();
  await page.getByRole('button', { name: `Check ${t7}` }).click();
  await page.getByText('It is damaged.').last().waitFor();
  await look(visitor, 'disk-damaged');
  await page.getByRole('button', { name: 'Repair it' }).click();
  await page.getByRole('button', { name: `Repair ${t7}` }).click();
  await page.getByText('It was damaged, and is repaired.').last().waitFor();
});

it('says that the library’s disk is failing, why, and what to do; home leads there', async () => {
  const visitor = desk;
  const { page } = visitor;
  await visitor.go(`/disks/${libraryId}`);
  helper.reports.set('sda', bad);
  // The weekly ones were begun as jobs.
  const tests = () => helper.asked.filter((one) => one.verb === 'self-test' && one.disk.name === 'sda');
  const before = tests().length;
  await page.getByRole('button', { name: 'Test now' }).click();
  await page.getByRole('heading', { name: 'This disk is failing.' }).waitFor();
  // Everything is on the mirror: no other disk is needed before it goes.
  await page.getByText('Let that one take its place, and put in a new disk as the mirror.').waitFor();
  await look(desk, 'disk-failing');
  expect(tests().slice(before)).toMatchObject([{ test: 'short' }]);
  clock.aheadMs += 5 * 60_000;
  const open = async () => (await house.app.console('GET', '/api/alerts')).json()['open'] as { code: string }[];
  await expect.poll(async () => (await open()).map(({ code }) => code)).toContain('disk-replace-now');
  await hand.go('/');
  const card = hand.page.locator('.alert-card').filter({ hasText: `The disk ${ironWolf} is failing` });
  await card.waitFor();
  expect(await card.getByRole('link', { name: 'Replace this disk' }).getAttribute('href')).toBe('/disks/replace');
  await look(hand, 'home-failing');
  await card.getByRole('link', { name: 'What the box saw' }).click();
  await hand.page.getByRole('heading', { level: 1, name: ironWolf }).waitFor();
  await hand.page.getByRole('link', { name: 'Replace this disk' }).waitFor();
  await fine(hand, 'disk-failing');
});

it('sees a disk come and go while the page is open; what is away is missed', async () => {
  const folder = helper.folderOf('sdb');
  const visitor = hand;
  const { page } = visitor;
  await visitor.go('/disks');
  await helper.plug({ name: 'sdd', model: 'Toshiba Canvio', serial: 'T00C9', sizeBytes: 2 * TB, filesystem: 'ext4' });
  await page.getByRole('link', { name: 'Toshiba Canvio 00C9' }).waitFor();
  await mkdir(folder, { recursive: true });
  await helper.pull('sdb');
  await page.getByText(/^Mirror: last here today at /).waitFor();
  await page.getByRole('listitem').filter({ hasText: t7 }).getByText('Away', { exact: true }).waitFor();
  await look(visitor, 'disks-missing');
  await visitor.go('/disks/nothing-like-it');
  await page.getByRole('heading', { level: 1, name: 'This disk is not plugged in' }).waitFor();
  await look(visitor, 'disk-gone');
});
