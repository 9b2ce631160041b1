import { beforeEach, expect, test } from 'vitest';
import { BoxState } from '../../test/support/box-state.ts';
import { Settings } from '../platform/settings.ts';
import { FirstRun, type FirstRunFacts } from './first-run.ts';

const open = 'open' as const;
const allOpen = { box: open, you: open, disk: open, lock: open, recovery: open, clock: open, tell: open, phone: open };
let box: BoxState;
let known: FirstRunFacts;

beforeEach(() => {
  box = new BoxState();
  known = { claimed: false, secondFactor: false, recovery: false, phones: 0, disks: 'second-disk', internetTime: null };
  return () => box[Symbol.asyncDispose]();
});

/** As after a restart: nothing but the database is kept. */
function made(): FirstRun {
  const { database } = box;
  return new FirstRun({ database, settings: new Settings(database), facts: () => known });
}

async function claimByPage(): Promise<FirstRun> {
  await box.database.write(() => made().beginInWrite());
  known = { ...known, claimed: true };
  return made();
}

test('a box that nobody owns has everything before it', () => {
  expect(made().view()).toEqual({ finished: false, steps: allOpen, lock: null });
});

test('claimed at its console, or before there was a first run: nothing is open, and what is known is done', async () => {
  known = { ...known, claimed: true, phones: 2, recovery: true };
  const view = await made().look();
  expect(view.finished).toBe(true);
  expect(view.steps).toEqual({
    ...{
      box: 'later',
      you: 'done',
      disk: 'later',
      lock: 'later',
      recovery: 'later',
      clock: 'later',
      tell: 'later',
      phone: 'done',
    },
  });
});

test('the first open step is where it goes on, after a restart as well', async () => {
  const run = await claimByPage();
  expect(run.view()).toEqual({ finished: false, steps: { ...allOpen, you: 'done' }, lock: null });
  await run.tick('box', { state: 'done' });
  await run.tick('disk', { state: 'later' });
  await run.tick('lock', { state: 'later' });
  const { steps, lock, finished } = made().view();
  expect(Object.entries(steps).find(([, state]) => state === 'open')?.[0]).toBe('recovery');
  expect({ steps, lock, finished }).toMatchObject({
    steps: { box: 'done', lock: 'later' },
    lock: 'later',
    finished: false,
  });
});

test('what the box knows goes before what was ticked', async () => {
  const run = await claimByPage();
  // The phone that is to guard it comes in a minute: put off, not open, and not done either.
  const chosen = await run.tick('lock', { state: 'done', choice: 'phone' });
  expect(chosen).toMatchObject({ steps: { lock: 'later' }, lock: 'phone' });
  for (const step of ['recovery', 'clock', 'phone'] as const) {
    expect((await run.tick(step, { state: 'done' })).steps[step], step).toBe('later');
  }
  known = { ...known, secondFactor: true, phones: 1, internetTime: false, recovery: true };
  expect(run.view()).toMatchObject({
    steps: { lock: 'done', phone: 'done', clock: 'done', recovery: 'done' },
    lock: 'phone',
  });
});

test('a disk for the photos is chosen or put off; a second one only somebody can put off', async () => {
  known = { ...known, disks: 'where-photos-live' };
  const run = await claimByPage();
  expect(run.view().steps.disk).toBe('open');
  // Nothing is chosen by saying so.
  expect((await run.tick('disk', { state: 'done' })).steps.disk).toBe('later');
  known = { ...known, disks: 'second-disk' };
  expect(run.view().steps.disk).toBe('done');
  known = { ...known, disks: 'none-to-make' };
  expect(made().view().steps.disk).toBe('done');
});

test('a recovery key that was made is not on paper until somebody says so', async () => {
  const run = await claimByPage();
  known = { ...known, recovery: true };
  expect(run.view().steps.recovery).toBe('open');
  await run.tick('recovery', { state: 'later' });
  expect(run.view().steps.recovery).toBe('later');
  await run.tick('recovery', { state: 'done' });
  expect(run.view().steps.recovery).toBe('done');
});

test('once finished it stays finished: nobody is led back when a phone goes', async () => {
  const run = await claimByPage();
  for (const step of ['box', 'disk', 'lock', 'recovery', 'clock', 'tell'] as const)
    await run.tick(step, { state: 'later' });
  expect((await run.look()).finished).toBe(false);
  // The last step is done elsewhere, and nobody ticks it.
  known = { ...known, phones: 1 };
  expect((await run.look()).finished).toBe(true);
  known = { ...known, phones: 0 };
  expect(made().view()).toMatchObject({ finished: true, steps: { phone: 'later' } });
});
