import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Audience, EventMemory, isFor, type Viewer } from './event-memory.ts';

const alice = { personId: 'alice', owner: true };
const bob = { personId: 'bob', owner: false };
const room = { eventsMax: 100, bytesMax: 10_000 };

function numbers(memory: EventMemory, after: number, viewer: Viewer): number[] {
  return [...memory.since(after, viewer)].map(({ seq }) => seq);
}

test('an event is for its person, and for owners only where it says so', () => {
  expect(isFor(bob, { personId: 'bob' })).toBe(true);
  expect(isFor(alice, { personId: 'bob' })).toBe(false);
  expect(isFor(alice, { personId: 'bob', owners: true })).toBe(true);
  expect(isFor({ personId: 'alice', owner: false }, { personId: 'bob', owners: true })).toBe(false);
});

test('of events that stand for each other only the newest is kept, and that forgets nothing', () => {
  const memory = new EventMemory({ ...room, eventsMax: 3 });
  memory.add({ personId: 'bob' }, () => 'arrived');
  for (let at = 0; at < 50; at++) memory.add({ personId: 'bob' }, (seq) => `${seq}`, 'progress');
  memory.add({ personId: 'bob' }, () => 'last');
  expect(numbers(memory, 0, bob)).toEqual([1, 51, 52]);
  expect(memory.isWholeSince(0, bob)).toBe(true);
  memory.add({ personId: 'bob' }, (seq) => `${seq}`, 'progress');
  expect(numbers(memory, 0, bob)).toEqual([1, 52, 53]);
});

test('bytes are limited as well as events', () => {
  const memory = new EventMemory({ eventsMax: 100, bytesMax: 100 });
  for (let at = 0; at < 10; at++) memory.add({ personId: 'bob' }, () => 'é'.repeat(20));
  expect(numbers(memory, 0, bob)).toEqual([9, 10]);
  expect(memory.isWholeSince(8, bob)).toBe(true);
  expect(memory.isWholeSince(7, bob)).toBe(false);
  memory.add({ personId: 'bob' }, () => 'x'.repeat(101));
  expect(numbers(memory, 0, bob)).toEqual([]);
  expect(memory.isWholeSince(10, bob)).toBe(false);
  expect(memory.isWholeSince(11, bob)).toBe(true);
});

test('a number that was not given yet is not known', () => {
  const memory = new EventMemory(room);
  memory.add({ personId: 'bob' }, () => 'x');
  expect([0, 1, 2, -1].map((seq) => memory.isWholeSince(seq, bob))).toEqual([true, true, false, false]);
});

test('whoever comes back gets all that is theirs in order, or is told that it is not whole', () => {
  const one = fc.record({
    personId: fc.constantFrom('alice', 'bob', 'carol'),
    owners: fc.boolean(),
    latestOf: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    bytes: fc.integer({ min: 1, max: 40 }),
  });
  const limits = fc.record({ eventsMax: fc.integer({ min: 1, max: 12 }), bytesMax: fc.integer({ min: 20, max: 400 }) });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), limits, fc.nat(60), fc.boolean(), (all, it, after, owner) => {
      const memory = new EventMemory(it);
      const told: Array<Audience & { seq: number; latestOf: string | undefined }> = [];
      for (const { bytes, latestOf, ...audience } of all) {
        const { seq } = memory.add(audience, () => 'x'.repeat(bytes), latestOf);
        told.push({ ...audience, seq, latestOf });
      }
      const viewer = { personId: 'alice', owner };
      const missed = told.filter((event) => event.seq > after && isFor(viewer, event));
      const wanted = missed.filter(
        ({ seq, latestOf }) =>
          latestOf === undefined || !told.some((one) => one.latestOf === latestOf && one.seq > seq),
      );
      const got = numbers(memory, after, viewer);
      if (memory.isWholeSince(after, viewer)) expect(got).toEqual(wanted.map(({ seq }) => seq));
      // It says so only when something is really gone, or the number is of no event.
      else expect(after > all.length || got.length < missed.length).toBe(true);
      expect(numbers(memory, 0, { personId: 'bob', owner: false }).length).toBeLessThanOrEqual(it.eventsMax);
    }),
    { numRuns: 2_000 },
  );
});
