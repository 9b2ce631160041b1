import { expect, test } from 'vitest';
import { Meter } from './meter.ts';
import { cut, RateWindow, renderFrame, sizeText, timeText } from './progress.ts';
import { textReport } from './report.ts';

function meterAt(offset: number): Meter {
  const meter = new Meter();
  meter.saw(3);
  meter.settle('safe');
  meter.bytesTotal = 1_000_000_000;
  meter.totalKnown = true;
  meter.begin('DCIM/film.mp4', 1_000_000_000);
  meter.moved('DCIM/film.mp4', offset, offset);
  return meter;
}

test('shows the time left only when the rate has been steady for five seconds', () => {
  const meter = meterAt(0);
  const rate = new RateWindow(meter);
  const frames: string[] = [];
  for (let second = 0; second <= 6; second += 1) {
    rate.sample(second * 1000);
    frames.push(renderFrame(meter, rate, 120)[0] ?? '');
    meter.moved('DCIM/film.mp4', (second + 1) * 10_000_000, 10_000_000);
  }
  expect(frames[4]).not.toMatch(/left/);
  expect(frames[6]).toMatch(/10\.0 MB\/s {2}1 min 3\d s left/);
});

test('no line is wider than the terminal, and no name reaches it raw', () => {
  const meter = meterAt(500_000_000);
  meter.begin(`DCIM/${'写真'.repeat(60)}.jpg`, 10);
  meter.begin('evil\x1b[2J\r\n.jpg', 10);
  for (const columns of [20, 40, 80]) {
    for (const line of renderFrame(meter, new RateWindow(meter), columns)) {
      const cells = [...line].reduce((sum, character) => sum + (/[写真]/.test(character) ? 2 : 1), 0);
      expect(cells).toBeLessThan(columns);
      expect(line).toMatch(/^\P{Cc}*$/u);
    }
  }
});

test('sizes and times for people', () => {
  expect([999, 1000, 123_456_789, 2e12].map(sizeText)).toEqual(['999 B', '1.0 kB', '123 MB', '2.0 TB']);
  expect([5.4, 65, 7260].map(timeText)).toEqual(['5 s', '1 min 5 s', '2 h 1 min']);
  expect(cut('写真a', 4)).toBe('写真');
  expect(cut('写真a', 3)).toBe('写');
});

test('counts that do not add up are an error, not a report', () => {
  const meter = meterAt(0);
  expect(() => meter.mustAddUp()).toThrowError(/do not add up/);
  meter.settle('refused', 2);
  expect(meter.mustAddUp()).toEqual({ seen: 3, safe: 1, waiting: 0, refused: 2 });
});

test('redraws in place on a terminal, and writes plain lines elsewhere', () => {
  for (const isTty of [true, false]) {
    let out = '';
    const write = (text: string) => {
      out += text;
    };
    const report = textReport({ write, isTty, columns: () => 80, nowMs: () => 0 });
    report.event({ event: 'item', path: 'a\x1bb', state: 'refused', code: 'x', reason: 'No.' });
    report.close();
    expect(out).toBe('refused: a?b: No.\n');
  }
});

test('the summary says what was left out, and why', () => {
  const written: string[] = [];
  const terminal = { write: (text: string) => written.push(text), isTty: false, columns: () => 80, nowMs: () => 0 };
  const report = textReport(terminal);
  const done = {
    event: 'done',
    command: 'backup',
    seen: 1,
    safe: 1,
    waiting: 0,
    refused: 0,
    files: 1,
    bytes: 9,
  } as const;
  report.event({ ...done, seconds: 1, leftOut: 3, leftOutBy: { link: 1, hidden: 2 } });
  report.event({ ...done, seconds: 1, leftOut: 2, leftOutBy: { link: 2 } });
  report.event({ ...done, seconds: 1, leftOut: 0, leftOutBy: {} });
  const counts = '1 seen = 1 safe + 0 waiting + 0 refused. 1 sent (9 B) in 1 s.';
  expect(written).toEqual([
    `${counts} 3 left out: 1 link, 2 hidden.\n`,
    `${counts} 2 left out: 2 links.\n`,
    `${counts}\n`,
  ]);
});
