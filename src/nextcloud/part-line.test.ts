import { describe, expect, it, vi } from 'vitest';
import { PartLine } from './part-line.ts';

describe('the line of parts', () => {
  const made = (waitMs = 5_000) => {
    const line = new PartLine({ waitMs });
    const order: number[] = [];
    const running = new Map<number, PromiseWithResolvers<void>>();
    const come = (number: number) =>
      line.inTurn(
        'file',
        number,
        () => order.length >= number - 1 || order.includes(number),
        async () => {
          const work = Promise.withResolvers<void>();
          running.set(number, work);
          await work.promise;
          order.push(number);
        },
      );
    const started = (number: number) => expect.poll(() => running.has(number)).toBe(true);
    return { come, order, running, started };
  };

  it('takes them in order, whatever order they come in', async () => {
    const { come, order, running, started } = made();
    const all = [3, 2, 1].map(come);
    for (const number of [1, 2, 3]) {
      await started(number);
      expect([...running.keys()]).toEqual([1, 2, 3].slice(0, number));
      running.get(number)?.resolve();
    }
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3]);
  });

  it('lets the same part in again while its first try is stuck', async () => {
    const { come, running, started } = made();
    const stuck = come(1);
    await started(1);
    const first = running.get(1);
    running.delete(1);
    const again = come(1);
    await started(1);
    running.get(1)?.resolve();
    await again;
    first?.resolve();
    await stuck;
  });

  it('gives up a part when the one before it does not come, or fails', async () => {
    const { come, running, started } = made(50);
    await expect(come(2)).rejects.toMatchObject({ code: 'busy' });
    const failing = come(1);
    await started(1);
    const waiting = come(2);
    running.get(1)?.reject(new Error('broken'));
    await expect(failing).rejects.toThrow('broken');
    await expect(waiting).rejects.toMatchObject({ code: 'busy' });
  });

  it('waits for as long as the one before comes in, within a limit', async () => {
    vi.useFakeTimers();
    try {
      const { come, running } = made(50);
      const first = come(1);
      const second = come(2);
      const third = come(3).catch(({ code }: { code: string }) => code);
      await vi.advanceTimersByTimeAsync(450);
      expect([...running.keys()]).toEqual([1]);
      running.get(1)?.resolve();
      await first;
      await vi.advanceTimersByTimeAsync(0);
      expect([...running.keys()]).toEqual([1, 2]);
      await vi.advanceTimersByTimeAsync(100);
      expect(await third).toBe('busy');
      running.get(2)?.resolve();
      await second;
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets only so many wait', async () => {
    const { come } = made(200);
    const waiting = Array.from({ length: 16 }, (_, n) => come(n + 2).catch((error: { code: string }) => error.code));
    await expect(come(20)).rejects.toMatchObject({ code: 'busy' });
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 16 }, () => 'busy'));
  });
});
