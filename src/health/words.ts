/** The sentences of what is sent off the box, in English: pure. The page has its own words for the same codes. */
import { words as bytesInWords } from '../library/quota.ts';
import type { AlertChange } from './alert-book.ts';

import type { AdviceCode, AlertCode, AlertParams } from './contract.ts';
import type { Message } from './message.ts';
import type { NightReport, ReportPhone } from './reports-contract.ts';

const charsMax = 120;

const titles: Readonly<Record<AlertCode, (params: AlertParams) => string>> = {
  'disk-missing': () => 'The disk with the photos is not there',
  'disk-foreign': () => 'Another disk is in the place of the one with the photos',
  'disk-read-only': () => 'The disk cannot be written to',
  'disk-failing': () => 'The disk fails when it is used',
  'disk-full': () => 'The disk is full: nothing more comes in',
  'disk-nearly-full': ({ percent, days }) =>
    days === undefined
      ? `The disk is nearly full: ${percent} % are free`
      : `The disk is filling up: ${percent} % are free, enough for about ${count(days, 'day')}`,
  'verification-failed': ({ count: files }) => `${count(files, 'file')} on the disk missing, or not what came`,
  'refused-files': ({ name, person, count: files }) => `${phone(name, person)}: ${count(files, 'file')} refused`,
  'phone-silent': ({ name, person, nights }) => `${phone(name, person)} has been silent for ${count(nights, 'night')}`,
  'phone-stalled': ({ name, person, count: files, nights }) =>
    `${phone(name, person)}: ${count(files, 'file')} waiting for ${count(nights, 'night')}`,
  'mirror-missing': ({ name, nights }) => `The mirror “${name}” has not been there for ${count(nights, 'night')}`,
  'mirror-behind': ({ name, count: files, nights }) =>
    `The mirror “${name}” has lacked ${count(files, 'file')} for ${count(nights, 'night')}`,
  'offbox-behind': ({ nights }) => `The copy off the box was not made for ${count(nights, 'night')}`,
  'offbox-damaged': () => 'The copy off the box is not what was sent there',
  'disk-watch': ({ name }) => `The disk “${name}” shows a first sign of trouble`,
  'disk-replace-soon': ({ name }) => `The disk “${name}” should be replaced soon`,
  'disk-replace-now': ({ name }) => `The disk “${name}” is failing`,
  'second-factor-missing': () => 'Only a password guards the box',
  'clock-behind': () => 'The box does not know what time it is',
  'clock-ahead': ({ seconds }) => `The box’s clock is ${count(Math.round(Number(seconds) / 60), 'minute')} ahead`,
  'video-tools-missing': () => 'Videos wait: the box cannot read them',
  'memory-high': ({ percent }) => `${percent} % of the box’s memory are in use`,
  'temperature-high': ({ celsius }) => `The box is hot: ${celsius} °C`,
  'certificate-expiring': ({ which, days }) => `The ${which} certificate runs out in ${count(days, 'day')}`,
  'channel-failing': ({ channel, waiting }) => `${count(waiting, 'message')} could not be sent (${channel})`,
};

const lackWords = {
  'no-recovery-key': 'No copy of the box’s own state is made: make a recovery key on the security page.',
  'key-not-at-hand': 'No copy of the box’s own state is made: make a new recovery key on the security page.',
  'disk-full': 'There is no room on the disk for a copy of the box’s own state.',
} as const;

const advices: Readonly<Record<AdviceCode, string>> = {
  'put-the-disk-back': 'Nothing that was safe is lost. Plug the disk in again; the box goes on by itself.',
  'put-the-right-disk-back': 'Nothing is written to the other disk. Plug the right one in; the box goes on by itself.',
  'replace-the-disk': 'Check its cord first. If it stays so, copy the photos to another disk soon.',
  'make-room': 'Empty the trash, or think of a larger disk. What is on the disk stays there.',
  'open-the-phones-that-have-them': 'Open the backup app on the phones that have these photos: they send them again.',
  'look-at-the-refused': 'Open the phone’s page on the box: it says which files, and why.',
  'open-the-app-at-home': 'Open the backup app once, at home. If the phone is away for a while, say so on its page.',
  'open-the-app-while-charging': 'Open the backup app while the phone is charging, and leave it open for a while.',
  'add-a-second-factor': 'Add a second factor on the security page.',
  'tell-the-time': 'Open the box’s page as its owner: your browser tells it the time.',
  'check-the-clock': 'Check the clock of the machine that the box runs on.',
  'install-the-video-tools': 'Install ffmpeg on the box; the videos then come in by themselves.',
  'restart-the-box': 'Restart the box. If it comes back, tell who looks after it.',
  'cool-the-box': 'Give the box some air, and take it out of the sun.',
  'renew-the-certificate': 'Put a new certificate in its place; one of the box’s own is renewed by a restart.',
  'attach-the-mirror':
    'Attach it: the box brings it up to date by itself. Your photos are on one disk only until then.',
  'look-at-the-mirror': 'Look whether it is full, or fails. What it has is right.',
  'look-at-the-copy': 'Its page says why. What is on the box’s disk is safe; what is there already stays there.',
  'begin-the-copy-anew':
    'Begin a new copy at another place, and keep this one until that is whole. The library on the box is not touched by it.',
  'look-at-the-disk': 'Its page says which. Check its cord; see that the photos are on a second disk as well.',
  'plan-a-new-disk': 'Get another disk. Attach it as a mirror; when it has everything, it can take this one’s place.',
  'replace-that-disk':
    'Attach another disk as a mirror now, and let it take this one’s place. Leave this one plugged in until then.',
  'check-the-channel': 'Look at its settings, and send a test.',
};

/** A change of an alert. */
export function alertMessage({ change, alert }: AlertChange, at: number): Message {
  const title = titles[alert.code](alert.params);
  const over = change === 'cleared';
  return {
    kind: 'alert',
    subject: line(over ? `Over: ${title}` : title),
    body: over ? `This is over: ${title}.\n` : `${title}.\n\n${advices[alert.advice.code]}\n`,
    severity: over ? null : alert.severity,
    at,
    facts: { change, ...alert },
  };
}

export function testMessage(boxName: string, at: number): Message {
  return {
    kind: 'test',
    subject: line(`A test from ${boxName}`),
    body: 'This channel works. Reports and alerts come this way from now on.\n',
    severity: null,
    at,
    facts: { box: boxName },
  };
}

export function reportMessage(report: NightReport, at: number): Message {
  const { total, alerts, library } = report;
  const open = alerts.filter(({ state }) => state !== 'cleared');
  const severity = open.length === 0 ? null : open.some((alert) => alert.severity === 'act') ? 'act' : 'watch';
  const came =
    library !== 'ok'
      ? 'The disk with the photos was away at the end of the night: what came in is in the next report.'
      : total.count === 0
        ? 'Nothing new came in.'
        : `${count(total.count, 'file')} came in, ${bytesInWords(total.bytes)} together.`;
  const lines = [came, ...keepingLines(report), '', ...report.phones.map((phone) => phoneLine(phone, library))];
  if (open.length > 0) {
    lines.push('', 'What needs somebody:');
    for (const { code, params, advice } of open) lines.push(`- ${titles[code](params)}. ${advices[advice.code]}`);
  }
  return {
    kind: 'report',
    subject: line(
      `The night of ${report.night}: ${library === 'ok' ? count(total.count, 'new file') : 'the disk was away'}`,
    ),
    body: `${lines.join('\n')}\n`,
    severity,
    at,
    facts: {
      night: report.night,
      library,
      total,
      phones: report.phones,
      disk: report.disk,
      fullInDays: report.fullInDays,
    },
  };
}

/** Names of files stay on the box. */
function keepingLines({ verified, mirrored, boxCopy }: NightReport): string[] {
  const lack = boxCopy?.lack ?? null;
  return [
    ...(verified === null || verified.count === 0
      ? []
      : [`${count(verified.count, 'file')} on the disk read again, ${bytesInWords(verified.bytes)} together.`]),
    ...(verified === null || verified.lost.count === 0
      ? []
      : [`${count(verified.lost.count, 'file')} missing or not what came: the box’s page says which.`]),
    ...(mirrored ?? []).map(({ name, count: files, healed, behind, attached }) => {
      const lacks = behind.count === 0 ? 'it has everything' : `it lacks ${count(behind.count, 'file')}`;
      const came = healed === 0 ? '' : ` ${count(healed, 'lost file')} came back from it.`;
      return `Mirror “${name}”${attached ? '' : ' (away)'}: ${count(files, 'file')} copied; ${lacks}.${came}`;
    }),
    ...(lack === null ? [] : [lackWords[lack]]),
  ];
}

function phoneLine(
  { name, person, came, unfinished, silentNights, awayUntil }: ReportPhone,
  library: NightReport['library'],
): string {
  const parts = [
    library !== 'ok'
      ? 'not counted yet'
      : came.count === 0
        ? 'nothing new'
        : `${count(came.count, 'file')} (${bytesInWords(came.bytes)})`,
    ...(unfinished.waiting === null || unfinished.waiting === 0 ? [] : [`${unfinished.waiting} waiting`]),
    ...(unfinished.videos === 0 ? [] : [`${count(unfinished.videos, 'video')} waiting: open the app while charging`]),
    ...(awayUntil === null ? [] : ['away']),
    ...(silentNights === 0 ? [] : [`silent for ${count(silentNights, 'night')}`]),
  ];
  return `- ${phone(name, person)}: ${parts.join(', ')}`;
}

function phone(name: string | number | undefined, person: string | number | undefined): string {
  return `${name} (${person})`;
}

function count(number: string | number | undefined, thing: string): string {
  return `${number} ${thing}${Number(number) === 1 ? '' : 's'}`;
}

/** A subject is one line, whatever a phone is called. */
function line(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, charsMax);
}
