/** A disk's own tests: the log of the last ones, and the one that runs. */
import { at, integer, list, percent } from './smart-json.ts';

type SelfTest = Readonly<{
  kind: 'short' | 'long' | 'other';
  outcome: 'passed' | 'failed' | 'aborted';
  /** When, in hours of the disk's life; ATA keeps 16 bits of them. */
  atHours: number | null;
}>;
export type SelfTests = Readonly<{
  /** The last first. */
  done: readonly SelfTest[];
  running: Readonly<{ percentLeft: number | null }> | null;
}>;

/** Both standards keep some twenty; a USB bridge is known to invent the twentieth (smartmontools issue 256). */
const testsMax = 19;

export function readSelfTests(smart: unknown): SelfTests {
  const nvme = at(smart, 'nvme_self_test_log');
  if (nvme !== undefined) return nvmeTests(nvme);
  const log = at(smart, 'ata_smart_self_test_log');
  const extended = list(at(log, 'extended', 'table'), testsMax);
  const table = extended.length > 0 ? extended : list(at(log, 'standard', 'table'), testsMax);
  const status = at(smart, 'ata_smart_data', 'self_test', 'status');
  const value = integer(at(status, 'value'), 0, 255);
  const running = value !== null && value >> 4 === 0xf;
  return {
    done: table.map(ataTest).filter((test) => test !== undefined),
    running: running ? { percentLeft: percent(at(status, 'remaining_percent')) } : null,
  };
}

/** ACS-3, 9.5.4.2 (table A.14): the execution status is the upper half of the byte; 15 runs. */
function ataTest(entry: unknown): SelfTest | undefined {
  const status = integer(at(entry, 'status', 'value'), 0, 255);
  const type = integer(at(entry, 'type', 'value'), 0, 255);
  if (status === null || type === null || status >> 4 > 8) return undefined;
  const code = type & 0x7f; // The upper bit only says that the test held the disk captive.
  const kind = code === 1 ? 'short' : code === 2 ? 'long' : 'other';
  const result = status >> 4;
  const outcome = result === 0 ? 'passed' : result <= 2 ? 'aborted' : 'failed';
  return { kind, outcome, atHours: integer(at(entry, 'lifetime_hours'), 0, 0xffff) };
}

function nvmeTests(log: unknown): SelfTests {
  const running = integer(at(log, 'current_self_test_operation', 'value'), 0, 15);
  const donePercent = percent(at(log, 'current_self_test_completion_percent'));
  return {
    done: list(at(log, 'table'), testsMax)
      .map(nvmeTest)
      .filter((test) => test !== undefined),
    running:
      running === null || running === 0 ? null : { percentLeft: donePercent === null ? null : 100 - donePercent },
  };
}

/** NVM Express Base Specification 2.0, 5.16.1.7 (figure 212): 5 to 7 failed, 1 to 4, 8 and 9 were aborted. */
function nvmeTest(entry: unknown): SelfTest | undefined {
  const code = integer(at(entry, 'self_test_code', 'value'), 0, 15);
  const result = integer(at(entry, 'self_test_result', 'value'), 0, 9);
  if (code === null || code === 0 || result === null) return undefined;
  const kind = code === 1 ? 'short' : code === 2 ? 'long' : 'other';
  const outcome = result === 0 ? 'passed' : result >= 5 && result <= 7 ? 'failed' : 'aborted';
  return { kind, outcome, atHours: integer(at(entry, 'power_on_hours'), 0, 10_000_000) };
}
