/**
 * What is said of the whole house, put together: the home page's answer, from what every room knows. A part of the
 * composition root, which alone calls it.
 */
import type { Admission } from './admission.ts';
import type { LiveEvent } from './api.ts';
import type { Appliance } from './appliance/appliance.ts';
import { Home } from './health/home.ts';
import type { LiveEvents } from './http/live-events.ts';
import type { Clock } from './platform/clock.ts';
import type { Logger } from './platform/log.ts';
import type { Storage } from './storage.ts';

type OverviewDeps = Readonly<{
  storage: Storage;
  admission: Admission;
  appliance: Appliance;
  live: LiveEvents<LiveEvent>;
  clock: Clock;
  now: () => number;
  log: Logger;
}>;

/** On parts that are open; close it before them. */
export function openHome({ storage, admission, appliance, live, clock, now, log }: OverviewDeps): Home {
  const { access, phones } = admission;
  const home = new Home({
    library: storage.library,
    phones: () => phones.list({ kind: 'console' }),
    people: () => access.people().map(({ id, role }) => ({ personId: id, owner: role === 'owner' })),
    hasSecondFactor: (personId) => access.parts.factors.has(personId),
    firstRunOver: () => appliance.firstRun.view().finished,
    clockBehind: () => clock.isBehind(),
    videoToolsMissing: () => storage.reader.videoToolsMissing(),
    reserveBytes: storage.uploads.limits.reserveBytes,
    zone: appliance.timeZone,
    // Of an older state nobody needs to hear.
    tell: (personId, event) => live.tell({ personId, owners: true }, event, { latestOf: `home of ${personId}` }),
    watched: () => live.open > 0,
    now,
    log,
  });
  home.open();
  return home;
}
