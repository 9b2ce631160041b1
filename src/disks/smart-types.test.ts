import { expect, test } from 'vitest';
import { readSmartctl } from './smart-reading.ts';
import { nextTypes, outcomeOf, smartTypes } from './smart-types.ts';

test('an unknown disk behind USB is asked in every way, one with its own plug only in its own', () => {
  expect(nextTypes('usb', null, 0)).toEqual(smartTypes);
  expect(nextTypes('sata', null, 0)).toEqual(['auto', 'sat']);
  expect(nextTypes('nvme', null, 0)).toEqual(['nvme', 'auto']);
  expect(nextTypes('mmc', null, 0)).toEqual([]);
});

test('the way that was answered is kept; once it is silent for long, the others are tried, then weekly', () => {
  const tries = (remembered: 'sntjmicron' | null) =>
    Array.from({ length: 57 }, (_, silent) => nextTypes('usb', remembered, silent).length);
  const one = (kept: readonly number[]) => kept.flatMap((length, silent) => (length > 1 ? [silent] : []));
  expect(nextTypes('usb', 'sntjmicron', 0)).toEqual(['sntjmicron']);
  expect(one(tries('sntjmicron'))).toEqual([3, 28, 56]);
  expect(nextTypes('usb', null, 1)).toEqual(['auto']);
  expect(one(tries(null))).toEqual([0, 3, 28, 56]);
});

test('a way that the plug does not know is not kept', () => {
  expect(nextTypes('sata', 'sntjmicron', 0)).toEqual(['auto', 'sat']);
});

test('what becomes of a try', () => {
  const device = { type: 'sat', protocol: 'ATA' };
  expect(outcomeOf(readSmartctl({ device, smart_status: { passed: true } }))).toBe('told');
  expect(outcomeOf(readSmartctl({ device, model_name: 'A disk' }))).toBe('identified');
  expect(outcomeOf(readSmartctl({ device }))).toBe('silent');
  // It only says that the question itself was not known: nothing of the disk.
  expect(outcomeOf(readSmartctl({ smartctl: { exit_status: 1 } }))).toBe('silent');
  const scsi = { device: { type: 'scsi', protocol: 'SCSI' }, model_name: 'Bridge', smart_status: { passed: true } };
  expect(outcomeOf(readSmartctl(scsi))).toBe('identified');
  const messages = [{ string: 'Device is in STANDBY mode, exit(2)', severity: 'information' }];
  expect(outcomeOf(readSmartctl({ device, smartctl: { exit_status: 2, messages } }))).toBe('asleep');
});
