/** The report of one night, from what the rooms know at its end: pure. Says no more than each client lets the box know. */
import type { Brought, PicturesOf, WaitingKinds } from '../library/standing.ts';
import type { Unfinished } from '../uploads/uploads.ts';
import type { KeptAlert } from './alerts-contract.ts';
import type { HomePhone } from './contract.ts';
import type { ClosedNight, Window } from './night.ts';
import type { NightReport, ReportPhone } from './reports-contract.ts';
import { byName } from './strip.ts';

export type ReportFacts = Readonly<{
  night: ClosedNight;
  counted: Window;
  madeAt: number;
  library: NightReport['library'];
  phones: readonly HomePhone[];
  silentNightsMin: number;
  brought: readonly Brought[];
  pictures: readonly PicturesOf[];
  unfinished: ReadonlyMap<string, Unfinished>;
  /** Of those that tell, where something waits. */
  waiting: ReadonlyMap<string, WaitingKinds>;
  disk: NightReport['disk'];
  fullInDays: number | null;
  alerts: readonly KeptAlert[];
  verified: NightReport['verified'];
  mirrored: NightReport['mirrored'];
  boxCopy: NightReport['boxCopy'];
}>;

export function nightReport(facts: ReportFacts): NightReport {
  const { night, counted, madeAt, library, phones, brought, disk, fullInDays, alerts } = facts;
  return {
    night: night.night,
    window: { from: night.from, to: night.to },
    counted: { from: counted.from, to: counted.to },
    madeAt,
    library,
    total: totalOf(brought),
    phones: phones.toSorted(byName).map((phone) => phoneOf(phone, facts)),
    disk,
    fullInDays: fullInDays === null ? null : Math.floor(fullInDays),
    alerts: [...alerts],
    verified: facts.verified,
    mirrored: facts.mirrored,
    boxCopy: facts.boxCopy,
  };
}

/** What a member may see of it: their phones, and what concerns those. */
export function ownPart(report: NightReport, personId: string): NightReport {
  const phones = report.phones.filter((phone) => phone.personId === personId);
  const ids = phones.map(({ id }) => id);
  const sum = (of: (phone: ReportPhone) => number) => phones.reduce((total, phone) => total + of(phone), 0);
  return {
    ...report,
    phones,
    total: {
      count: sum(({ came }) => came.count),
      bytes: sum(({ came }) => came.bytes),
      // Which phone's they were is not kept.
      again: { count: 0, bytes: 0 },
    },
    alerts: report.alerts.filter(({ params }) => ids.includes(String(params['phone']))),
    // Of the whole house, as the page about it is.
    verified: null,
    mirrored: null,
    boxCopy: null,
  };
}

function totalOf(brought: readonly Brought[]): NightReport['total'] {
  const sum = (of: (one: Brought) => number) => brought.reduce((total, one) => total + of(one), 0);
  const again = { count: sum((one) => one.againFiles), bytes: sum((one) => one.againBytes) };
  return {
    count: sum((one) => one.files + one.browserFiles) - again.count,
    bytes: sum((one) => one.bytes + one.browserBytes) - again.bytes,
    again,
  };
}

function phoneOf(phone: HomePhone, facts: ReportFacts): ReportPhone {
  const { id, name, personId, person, client, counts, lastSignAt, silentNights, awayUntil } = phone;
  const came = facts.brought.find(({ phoneId }) => phoneId === id);
  const pictures = facts.pictures.filter(({ phoneId }) => phoneId === id);
  const sum = (of: 'ready' | 'waiting' | 'refused') => pictures.reduce((total, one) => total + one[of], 0);
  const unfinished = unfinishedOf(phone, facts);
  const refused = counts === null ? null : counts.refused - counts.deleted;
  return {
    id,
    name,
    personId,
    person,
    client,
    came: {
      count: came === undefined ? 0 : came.files + came.browserFiles - came.againFiles,
      bytes: came === undefined ? 0 : came.bytes + came.browserBytes - came.againBytes,
      fromBrowser: { count: came?.browserFiles ?? 0, bytes: came?.browserBytes ?? 0 },
      pictures: { ready: sum('ready'), waiting: sum('waiting'), refused: sum('refused') },
    },
    unfinished,
    refused,
    lastSignAt,
    silentNights,
    awayUntil: awayUntil !== null && awayUntil > facts.madeAt ? awayUntil : null,
    advice: adviceOf({ unfinished, refused, silentNights }, facts.silentNightsMin),
  };
}

function unfinishedOf({ id, counts }: HomePhone, facts: ReportFacts): ReportPhone['unfinished'] {
  const begun = facts.unfinished.get(id);
  const waiting = facts.waiting.get(id);
  return {
    waiting: counts?.waiting ?? null,
    photos: waiting?.photos ?? 0,
    // What was begun is among what waits, where the client tells of that.
    videos: waiting?.videos ?? begun?.videos ?? 0,
    uploads: begun?.uploads ?? 0,
    bytes: begun?.bytes ?? 0,
    length: begun?.length ?? 0,
  };
}

function adviceOf(
  { unfinished, refused, silentNights }: Pick<ReportPhone, 'unfinished' | 'refused' | 'silentNights'>,
  silentNightsMin: number,
): ReportPhone['advice'] {
  const { waiting, videos, uploads } = unfinished;
  const files = waiting ?? uploads;
  return [
    ...(silentNights < silentNightsMin
      ? []
      : [{ code: 'open-the-app-at-home', params: { nights: silentNights } } as const]),
    ...(files === 0 ? [] : [{ code: 'open-the-app-while-charging', params: { files, videos } } as const]),
    ...(refused === null || refused === 0
      ? []
      : [{ code: 'look-at-the-refused', params: { files: refused } } as const]),
  ];
}
