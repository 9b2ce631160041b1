import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { timeOfDay } from './nights.ts';

const run = promisify(execFile);
const nights = fileURLToPath(new URL('nights.ts', import.meta.url));

/** The due times after one another from `from` on, as a machine in `zone` has them; UTC. */
async function dues(zone: string, time: string, from: string, count: number, jitterMs = 0): Promise<string[]> {
  const script = `
    import { lastDue, nextDue, timeOfDay } from ${JSON.stringify(nights)};
    const time = timeOfDay(${JSON.stringify(time)});
    let at = Date.parse(${JSON.stringify(from)});
    for (let n = 0; n < ${count}; n += 1) {
      const next = nextDue(time, ${jitterMs}, at);
      if (lastDue(time, ${jitterMs}, next) !== next || nextDue(time, ${jitterMs}, next - 1) !== next) throw new Error();
      if (lastDue(time, ${jitterMs}, next - 1) > next - 22 * 3600_000) throw new Error('two in one night');
      console.log(new Date(at = next).toISOString());
    }`;
  const args = ['--input-type=module', '--no-warnings', '-e', script];
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, TZ: zone } });
  return stdout.trim().split('\n');
}

test('once a night over both changes of the clock, also at the hour that is missing or comes twice', async () => {
  // Berlin, 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00.
  expect(await dues('Europe/Berlin', '02:30', '2026-03-27T12:00Z', 4)).toEqual([
    '2026-03-28T01:30:00.000Z',
    '2026-03-29T01:30:00.000Z',
    '2026-03-30T00:30:00.000Z',
    '2026-03-31T00:30:00.000Z',
  ]);
  expect(await dues('Europe/Berlin', '02:30', '2026-10-23T12:00Z', 4)).toEqual([
    '2026-10-24T00:30:00.000Z',
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
    '2026-10-27T01:30:00.000Z',
  ]);
});

test('a year has as many nights as days, with any jitter, at midnight too', async () => {
  for (const [time, jitterMs] of [
    ['00:00', 1_799_000],
    ['23:59', 1_800_000],
    ['02:00', 0],
  ] as const) {
    const year = await dues('Europe/Berlin', time, '2026-01-01T00:00Z', 365, jitterMs);
    expect(new Set(year).size).toBe(365);
    expect(Date.parse(year.at(-1) as string) - Date.parse(year[0] as string)).toBe(364 * 24 * 3600_000);
  }
});

test('reads 24-hour times and nothing else', () => {
  expect(timeOfDay('02:30')).toEqual({ hour: 2, minute: 30 });
  expect(timeOfDay('7:05')).toEqual({ hour: 7, minute: 5 });
  for (const wrong of ['24:00', '12:60', '12', '', '2:3', '02:30pm', '-1:00', '02.30'])
    expect(timeOfDay(wrong)).toBeNull();
});
