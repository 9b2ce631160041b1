import { expect, test } from 'vitest';
import { Failure, Trouble, Waiting } from './failure.ts';
import { insist, Patience } from './patience.ts';

test('waits longer each time, within bounds, and as long as the box asks', async () => {
  const waits: number[] = [];
  const patience = new Patience({
    patienceMs: 60_000,
    backoffFirstMs: 1,
    backoffMaxMs: 8,
    retryAfterMaxMs: 20,
    random: () => 1,
    onRetry: ({ waitMs }) => waits.push(waitMs),
  });
  const troubles = [0, 0, 0, 0, 0, 5, 15, 3_600_000].map((ms) => new Trouble('busy', 'busy', ms));
  await insist(patience, 'it', () => {
    const trouble = troubles.shift();
    return trouble === undefined ? Promise.resolve() : Promise.reject(trouble);
  });
  expect(waits).toEqual([1, 2, 4, 8, 8, 8, 15, 20]);
});

test('the clock of patience starts anew with each progress, of whichever item', async () => {
  let nowMs = 0;
  const patience = new Patience({ patienceMs: 1000, backoffFirstMs: 0, backoffMaxMs: 0, nowMs: () => nowMs });
  const one = patience.retry('one');
  const two = patience.retry('two');
  const trouble = new Trouble('busy', 'The box is busy.');
  await one.after(trouble);
  nowMs = 900;
  await one.after(trouble);
  one.progressed();
  nowMs = 1800;
  await one.after(trouble);
  expect(patience.isOver).toBe(false);
  two.progressed();
  nowMs = 2799;
  await one.after(trouble);
  nowMs = 2801;
  // The item's own time is over, the run's is not.
  await expect(one.after(trouble)).rejects.toBeInstanceOf(Waiting);
  expect(patience.isOver).toBe(false);
  await two.after(trouble);
  nowMs = 3800;
  expect(patience.isOver).toBe(true);
  await expect(two.after(trouble)).rejects.toMatchObject({ code: 'busy', message: 'The box is busy.' });
});

test('the end of the run ends every wait', async () => {
  const patience = new Patience({ patienceMs: 60_000, backoffFirstMs: 30_000 });
  const waiting = patience.retry('it').after(new Trouble('busy', 'busy'));
  patience.stop(new Failure('revoked', 'revoked'));
  await expect(waiting).rejects.toMatchObject({ code: 'revoked' });
  await expect(insist(patience, 'it', () => Promise.resolve())).rejects.toMatchObject({ code: 'revoked' });
});
