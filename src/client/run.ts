import { mustHaveFolders } from './backup.ts';
import { jitterMsMax, type Schedule } from './config-store.ts';
import { type ExitCode, exitCodes, Failure, messageOf, Refusal, Waiting } from './failure.ts';
import { type Night, type NightlyParts, runNightly } from './nightly.ts';
import type { TimeOfDay } from './nights.ts';
import { pause } from './pause.ts';
import { Session, type SessionOptions } from './session.ts';

/**
 * `run`: backs up each night and tells the box when it comes next. Owns: which failure ends it, and which only a night.
 * Never: keeps a connection over the day. For main.ts.
 */

export type EveryNightOptions = SessionOptions &
  Readonly<{ signal: AbortSignal }> &
  Partial<Pick<NightlyParts, 'now' | 'random' | 'sleep'>>;

/** Resolves with 0 when `signal` ends it. Throws what no later night would mend: not paired, revoked, no such folder. */
export async function everyNight(
  dirs: readonly string[],
  time: TimeOfDay,
  options: EveryNightOptions,
): Promise<ExitCode> {
  const { config, report, signal, now = Date.now, random = Math.random, sleep = pause } = options;
  await config.mustBePaired();
  await mustHaveFolders(dirs, config);
  await runNightly({
    time,
    schedule: (await config.schedule()) ?? newSchedule(random),
    save: (schedule) => config.saveSchedule(schedule),
    backUp: (nextAt) => oneNight(dirs, nextAt, options),
    onPlanned: report.event,
    now,
    random,
    sleep,
    signal,
  });
  return exitCodes.fine;
}

/** Of a phone that has none yet. */
export function newSchedule(random: () => number = Math.random): Schedule {
  return { jitterMs: Math.floor(random() * (jitterMsMax + 1)), lastGoodAt: null, nextAt: null };
}

async function oneNight(dirs: readonly string[], nextAt: number, options: EveryNightOptions): Promise<Night> {
  let session: Session | null = null;
  const end = async (at: number | null) => {
    if (at !== null) await session?.tell(at);
    await session?.close();
    session = null;
  };
  try {
    session = await Session.open(options);
    // What the box refused, it refuses tomorrow too.
    return { good: (await session.backUp(dirs, nextAt)) !== exitCodes.waiting, end };
  } catch (error) {
    if (options.signal.aborted) return { good: false, end };
    if (error instanceof Failure && error.exitCode === exitCodes.unpaired) throw error;
    const known = error instanceof Failure || error instanceof Waiting || error instanceof Refusal;
    options.report.event({ event: 'error', code: known ? error.code : 'internal', message: messageOf(error) });
    return { good: false, end };
  }
}
