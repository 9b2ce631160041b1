/** The one file that knows node-cron: calls at a time of day by the clock of a zone. Enqueues nothing itself. */
import { type ScheduledTask, schedule } from 'node-cron';

export type Daily = Readonly<{ stop: () => void }>;

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

/** `at`: hh:mm. `run` is quick and does not throw. */
export function daily(at: string, zone: string, run: () => void): Daily {
  const [hour = '0', minute = '0'] = at.split(':');
  const task: ScheduledTask = schedule(`${Number(minute)} ${Number(hour)} * * *`, run, {
    timezone: zone,
    // It writes to the console else; and whoever is late is caught up with by the next look.
    logger: silent,
    suppressMissedWarning: true,
    unref: true,
  });
  return { stop: () => void task.destroy() };
}
