import { expect, it } from 'vitest';
import { CodedError } from '../platform/errors.ts';
import type { BoxHelper } from './box-helper.ts';
import { Device } from './device.ts';

it('takes the disks up again, and notes it, where the machine does not go off', async () => {
  const done: string[] = [];
  let facts: Record<string, string> = { refusal: 'failed' };
  const helper = {
    there: true,
    require: () => undefined,
    ask: async ({ verb }: { verb: string }) => {
      done.push(verb);
      throw new CodedError('command-failed', 'The machine does not go off.', { facts });
    },
  };
  const device = new Device({
    helper: helper as unknown as BoxHelper,
    boxName: () => 'nightjar',
    requireConfirmed: () => undefined,
    record: async (event, _by, { what = '' }) => void done.push(`${event} ${what}`.trim()),
    letGoOfDisks: async () => void done.push('let go'),
    takeDisksBack: async () => void done.push('taken back'),
    now: () => 1,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const by = { kind: 'console' } as const;
  await expect(device.shutDown(by)).rejects.toThrow('does not go off');
  const failed = 'box-change-failed box-shut-down';
  expect(done).toEqual(['box-shut-down', 'let go', 'power-off', failed, 'taken back']);
  // No answer came: perhaps it goes off.
  facts = {};
  await expect(device.shutDown(by)).rejects.toThrow('does not go off');
  expect(done.splice(5)).toEqual(['box-shut-down', 'let go', 'power-off', failed]);
  // It may be asked for again, and of a restart no disk knows.
  await expect(device.restart(by)).rejects.toThrow('does not go off');
  expect(done.slice(5)).toEqual(['box-restarted', 'restart', 'box-change-failed box-restarted']);
});
