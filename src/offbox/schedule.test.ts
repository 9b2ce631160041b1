import { describe, expect, it } from 'vitest';
import { reasonOf } from './reasons.ts';
import { checkParts, type DueFacts, isDue, nightOf, partAfter, stageOf } from './schedule.ts';

const hourMs = 3_600_000;
const night = Date.UTC(2026, 5, 10, 20);
const at = (hours: number, more: Partial<DueFacts> = {}): DueFacts => ({
  now: night + hours * hourMs,
  nightSince: night,
  createdAt: night - 100 * hourMs,
  lastSuccessAt: night - 20 * hourMs,
  lastTriedAt: night - 20 * hourMs,
  triesSince: { night: 0, tries: 0 },
  ...more,
});
const failed = (tries: number, hours: number) => ({
  lastTriedAt: night + hours * hourMs,
  triesSince: { night, tries },
});

describe('a copy off the box', () => {
  it.each<[string, DueFacts, boolean]>([
    ['not in the hours of the phones', at(2.9), false],
    ['after them', at(3), true],
    ['not twice in a night', at(8, { lastSuccessAt: night + 4 * hourMs }), false],
    ['not by day', at(14, { nightSince: undefined }), false],
    ['by day, where the nights brought none', at(17, { nightSince: undefined }), true],
    ['not at once after it failed', at(4.2, failed(1, 4)), false],
    ['but a while later', at(4.4, failed(1, 4)), true],
    ['longer after it failed again', at(4.4, failed(2, 4)), false],
    ['no more in a night than three times', at(11, failed(3, 4)), false],
    ['again in the next', at(4, { triesSince: { night: night - 24 * hourMs, tries: 3 } }), true],
    ['also after a clock that was ahead', at(4, { ...failed(1, 400) }), true],
  ])('is due: %s', (_name, facts, due) => {
    expect(isDue(facts)).toBe(due);
  });

  it('counts tries by the window, or by the day', () => {
    expect(nightOf(night, night + hourMs)).toBe(night);
    expect(nightOf(undefined, night)).toBe(nightOf(undefined, night - hourMs));
  });

  it('reads all parts back, one after the other', () => {
    let part: number | undefined;
    const seen = Array.from({ length: checkParts + 1 }, () => {
      part = partAfter(part);
      return part;
    });
    expect(seen).toEqual([...Array.from({ length: checkParts }, (_, index) => index + 1), 1]);
  });

  it('makes a first copy in stages, each with what was there before, and the last with everything', () => {
    const units = ['a/2019', 'a/2020', 'a/2021', 'b/2020'].map((path) => ({ path, bytes: 10 }));
    expect(stageOf(units, null, 25)).toBe('a/2021');
    expect(stageOf(units, 'a/2021', 25)).toBe(undefined);
    expect(stageOf(units, null, 10)).toBe('a/2019');
    expect(stageOf(units, 'a/2020', 10)).toBe('a/2021');
    expect(stageOf(units, 'a/2021', 10)).toBe(undefined);
    expect(stageOf([], null, 10)).toBe(undefined);
  });

  it.each([
    ['Fatal: wrong password or no key found', 'wrong-password'],
    ['Fatal: unable to open config file: stat /r/config: no such file or directory', 'no-copy-there'],
    ['Fatal: unable to open config file: client.Head: dial tcp 10.0.0.1:9: connect: connection refused', 'unreachable'],
    ['subprocess ssh: nas: Permission denied (publickey).', 'refused'],
    ['Save(<data/1>) returned error: write: no space left on device', 'full-there'],
    ['unable to create lock in backend: repository is already locked by PID 4', 'locked'],
    ['Pack ID does not match, want 4f, got b7\nFatal: repository contains errors', 'damaged'],
    ['Fatal: something new', 'failed'],
  ])('knows why it failed: %s', (said, reason) => {
    expect(reasonOf(said)).toBe(reason);
  });
});
