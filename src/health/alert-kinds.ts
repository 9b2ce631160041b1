/** Of each alert: what it is about, what one can do, whom it concerns, and how long it must be over to be over. Pure. */

import type { AdviceCode, Alert, AlertCode } from './contract.ts';

type Kind = Readonly<{
  advice: AdviceCode;
  /** So long it must last before anybody is told off the page: disks take a while to start. Default: 0. */
  raiseAfterMs?: number;
  /** So long it must not have been so, until it is cleared: what comes and goes is one alert. */
  clearAfterMs: number;
  /** Whom beside the owner: the person whose phone it is, everybody, or nobody. */
  concerns: 'person' | 'everybody' | 'owner';
  /** The member of its params that says what it is about; none: there is one of it in the box. */
  key?: 'phone' | 'which' | 'channel' | 'disk';
}>;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const kinds: Readonly<Record<AlertCode, Kind>> = {
  'disk-missing': {
    advice: 'put-the-disk-back',
    raiseAfterMs: 2 * minuteMs,
    clearAfterMs: 10 * minuteMs,
    concerns: 'everybody',
  },
  'disk-foreign': {
    advice: 'put-the-right-disk-back',
    raiseAfterMs: 2 * minuteMs,
    clearAfterMs: 10 * minuteMs,
    concerns: 'everybody',
  },
  'disk-read-only': { advice: 'replace-the-disk', clearAfterMs: hourMs, concerns: 'everybody' },
  'disk-failing': { advice: 'replace-the-disk', clearAfterMs: 24 * hourMs, concerns: 'everybody' },
  'disk-full': { advice: 'make-room', clearAfterMs: hourMs, concerns: 'everybody' },
  'disk-nearly-full': { advice: 'make-room', clearAfterMs: 6 * hourMs, concerns: 'owner' },
  'verification-failed': { advice: 'open-the-phones-that-have-them', clearAfterMs: hourMs, concerns: 'owner' },
  'refused-files': { advice: 'look-at-the-refused', clearAfterMs: 10 * minuteMs, concerns: 'person', key: 'phone' },
  // A sign of life is one, and a file that came as well: it takes nights to be so again.
  'phone-silent': { advice: 'open-the-app-at-home', clearAfterMs: 0, concerns: 'person', key: 'phone' },
  'phone-stalled': { advice: 'open-the-app-while-charging', clearAfterMs: 0, concerns: 'person', key: 'phone' },
  'mirror-missing': { advice: 'attach-the-mirror', clearAfterMs: 0, concerns: 'owner', key: 'disk' },
  'mirror-behind': { advice: 'look-at-the-mirror', clearAfterMs: 0, concerns: 'owner', key: 'disk' },
  'offbox-behind': { advice: 'look-at-the-copy', clearAfterMs: 0, concerns: 'owner' },
  'offbox-damaged': { advice: 'begin-the-copy-anew', clearAfterMs: 0, concerns: 'owner' },
  // Counts of a disk's life do not go down; what does (its warmth, what the box saw) may come again the next day.
  'disk-watch': { advice: 'look-at-the-disk', clearAfterMs: 24 * hourMs, concerns: 'owner', key: 'disk' },
  'disk-replace-soon': { advice: 'plan-a-new-disk', clearAfterMs: 24 * hourMs, concerns: 'owner', key: 'disk' },
  'disk-replace-now': { advice: 'replace-that-disk', clearAfterMs: 24 * hourMs, concerns: 'owner', key: 'disk' },
  'second-factor-missing': { advice: 'add-a-second-factor', clearAfterMs: 0, concerns: 'owner' },
  'clock-behind': {
    advice: 'tell-the-time',
    raiseAfterMs: 5 * minuteMs,
    clearAfterMs: 10 * minuteMs,
    concerns: 'owner',
  },
  'clock-ahead': { advice: 'check-the-clock', clearAfterMs: hourMs, concerns: 'owner' },
  'video-tools-missing': {
    advice: 'install-the-video-tools',
    raiseAfterMs: 5 * minuteMs,
    clearAfterMs: 10 * minuteMs,
    concerns: 'everybody',
  },
  'memory-high': { advice: 'restart-the-box', clearAfterMs: hourMs, concerns: 'owner' },
  'temperature-high': { advice: 'cool-the-box', clearAfterMs: hourMs, concerns: 'owner' },
  'certificate-expiring': { advice: 'renew-the-certificate', clearAfterMs: 0, concerns: 'owner', key: 'which' },
  'channel-failing': { advice: 'check-the-channel', clearAfterMs: 0, concerns: 'owner', key: 'channel' },
};

export function kindOf(code: AlertCode): Kind {
  return kinds[code];
}

/** What it is about: with the code it names one alert. */
export function keyOf({ code, params }: Pick<Alert, 'code' | 'params'>): string {
  const { key } = kinds[code];
  return key === undefined ? '' : String(params[key] ?? '');
}
