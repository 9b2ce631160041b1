/**
 * The disk helper under mutated requests, on made-up machines: whatever is asked, nothing is touched but a disk that is
 * free, or that it mounted itself, and only the one that was named. And the suite itself put to the test: with one line of
 * the helper broken, it has to fail.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKernel } from '../../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { parseRequest } from '../../system/usr/lib/nightjar/disk-helper/request.mts';
import { listedDisks, printedName, statusOf } from '../../system/usr/lib/nightjar/disk-helper/rules.mts';
import { perform } from '../../system/usr/lib/nightjar/disk-helper/verbs.mts';
import { rounds, suiteSeed } from '../support/counts.ts';
import { type Helper, mutatedLine, tryLine, type World } from '../support/helper-fuzz.ts';
import { MadeKernel, type Role, roles } from '../support/made-kernel.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';

const requests = rounds(6_000, 1_000_000);
const requestsPlanted = 30_000;
const worldsMade = 24;
const helperDir = new URL('../../system/usr/lib/nightjar/disk-helper', import.meta.url).pathname;

/** Every other role is somebody's: `in-use`. */
const expected: Partial<Record<Role, string>> = {
  ...{ free: 'free', 'free-parted': 'free', 'free-small': 'free', 'free-protected': 'free', ours: 'ours' },
  ...{ root: 'system', 'root-on-dm': 'system', overlay: 'system', boot: 'system', swap: 'system' },
  ...{ rom: 'no disk', loop: 'no disk', zram: 'no disk', 'boot-area': 'no disk' },
};

let dir = '';
let seed = 0;
const worlds: World[] = [];
beforeAll(async () => {
  seed = suiteSeed('disk helper');
  dir = await mkdtemp(join(tmpdir(), 'njh-'));
  const random = new Random(seed);
  for (let index = 0; index < worldsMade; index++) {
    const made = new MadeKernel(random, chosenRoles(random));
    const root = join(dir, `world-${index}`);
    await made.write(root);
    worlds.push({ kernel: readKernel(root), disks: made.disks });
  }
});
afterAll(async () => await rm(dir, { recursive: true, force: true }));

it('tells of each disk whose it is', () => {
  const seen = new Set<Role>();
  for (const { kernel, disks } of worlds) {
    const listed = listedDisks(kernel, undefined);
    for (const disk of disks) {
      const block = listed.find(({ name }) => name === disk.name);
      const status = block === undefined ? 'no disk' : statusOf(kernel, block);
      expect(status, `${disk.role} ${disk.name}`).toBe(expected[disk.role] ?? 'in-use');
      if (block !== undefined) expect(printedName(block)).toBe(disk.printedName);
      seen.add(disk.role);
    }
  }
  expect(seen.size).toBe(roles.length);
});

it(`touches nothing but free disks, and its own, in ${requests} mutated requests`, async () => {
  const { broken, ran, done } = await fuzz({ parseRequest, perform }, requests);
  expect(broken).toBeUndefined();
  // Else they would all be refused at the door.
  expect(ran).toBeGreaterThan(requests / 20);
  expect(done).toBeGreaterThan(requests / 40);
  const told = `${ran} ran a program, ${done} were done, nothing else was touched`;
  await recordResult({ suite: 'disk helper, mutated requests', seed, rounds: requests, failures: 0, told });
});

type Planted = { name: string; file: string; right: string; wrong: string; found: RegExp };
const bugs: readonly Planted[] = [
  {
    ...{ name: 'a disk that dm, md or a loop stands on is free', file: 'rules.mts' },
    ...{ right: ' || isHeld(kernel, disk, names, mounts)', wrong: '' },
    found: /\((dm|md|part-held|loop-over|btrfs-unseen)\) is /,
  },
  {
    ...{ name: 'mounts outside of its own folder do not count', file: 'rules.mts' },
    ...{ right: 'mounts.some((mount) => folderOf(mount) === undefined)', wrong: 'mounts.length < 0' },
    found: /\((mounted|part-mounted|half-ours|btrfs|btrfs-second|btrfs-unseen)\) is /,
  },
  {
    ...{ name: 'the box may stand on a disk', file: 'rules.mts' },
    ...{ right: "if (systemDisks(kernel).has(disk.name)) return 'system';", wrong: '' },
    found: /\((swap)\) is /,
  },
  {
    ...{ name: 'another disk may come in its place', file: 'rules.mts' },
    ...{ right: ' && disk.diskseq === key.diskseq', wrong: '' },
    found: /another disk than was named/,
  },
  {
    ...{ name: 'the typed name is not compared', file: 'verbs.mts' },
    ...{ right: 'if (confirm !== printedName(disk))', wrong: "if (confirm === '')" },
    found: /erased unasked/,
  },
  {
    ...{ name: 'the disk is not looked for again once it is held', file: 'verbs.mts' },
    right: 'return await work(findDisk(kernel, key, allowed, testDisks), kernel);',
    wrong: 'return await work(kernel.blocks.find(({ name }) => name === key.name) as Block, kernel);',
    found: /another disk than was named/,
  },
];

describe('the suite of mutated requests', () => {
  it.each(bugs)('fails when $name', async (bug) => {
    const helper = await planted(bug);
    const { broken } = await fuzz(helper, requestsPlanted);
    expect(broken).toMatch(bug.found);
  });
});

async function fuzz(helper: Helper, count: number): Promise<{ broken: string | undefined; ran: number; done: number }> {
  const random = new Random(seed + 1);
  let ran = 0;
  let done = 0;
  for (let index = 0; index < count; index++) {
    const world = worlds[index % worlds.length];
    if (world === undefined) throw new Error('no world');
    const line = mutatedLine(world, random);
    const tried = await tryLine(helper, world, line, random);
    if (tried.broken !== undefined) return { broken: `${tried.broken}\nafter ${line}`, ran, done };
    if (tried.ran > 0) ran++;
    if (tried.ok) done++;
  }
  return { broken: undefined, ran, done };
}

/** All roles that are no system's, and one or two that are. */
function chosenRoles(random: Random): Role[] {
  const systems: readonly Role[] = ['root', 'root-on-dm', 'overlay'];
  const others = roles.filter((role) => !systems.includes(role));
  const system = systems[random.whole(0, systems.length - 1)];
  const chosen = [
    ...others.filter((role) => role === 'free' || random.chance(0.7)),
    'free',
    'ours',
    ...(system ? [system] : []),
  ] as Role[];
  return chosen
    .map((role) => ({ role, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ role }) => role);
}

async function planted({ name, file, right, wrong }: Planted): Promise<Helper> {
  const copies = await mkdtemp(join(dir, 'planted-'));
  // With what both helpers stand on, beside it.
  await cp(join(helperDir, '../helper-socket'), join(copies, 'helper-socket'), { recursive: true });
  const copy = join(copies, 'disk-helper');
  await cp(helperDir, copy, { recursive: true });
  const source = await readFile(join(copy, file), 'utf8');
  if (source.split(right).length !== 2) throw new Error(`${name}: the line is not there any more.`);
  await writeFile(join(copy, file), source.replace(right, wrong));
  const requestModule = await import(/* @vite-ignore */ join(copy, 'request.mts'));
  const verbsModule = await import(/* @vite-ignore */ join(copy, 'verbs.mts'));
  return { parseRequest: requestModule.parseRequest, perform: verbsModule.perform };
}
