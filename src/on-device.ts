/**
 * The box on a device of its own, put together: the privileged helper and what is asked of it. On any other machine all of
 * it is there, and refuses. A part of the composition root, which alone calls it.
 */
import { actorOf } from './access/audit.ts';
import type { Admission } from './admission.ts';
import type { Appliance } from './appliance/appliance.ts';
import { BoxHelper } from './appliance/box-helper.ts';
import { Device } from './appliance/device.ts';
import { deviceRoutes } from './appliance/device-routes.ts';
import { Outbound } from './appliance/outbound.ts';
import type { PlantedDisks } from './attaching.ts';
import type { Config } from './config.ts';
import { mountRoot } from './disks/mount-table.ts';
import type { Routes } from './http/contract.ts';
import { mountedRoots } from './imports/sources.ts';
import type { Overview } from './overview.ts';
import type { Clock } from './platform/clock.ts';
import type { Database } from './platform/database.ts';
import type { JobHandler } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import type { Presence } from './presence.ts';
import { updatesRoutes } from './updates/routes.ts';
import { Updates } from './updates/updates.ts';

type OnDeviceDeps = Readonly<{
  config: Pick<Config, 'boxHelper' | 'stateDir'>;
  version: string;
  /** Where disks are that are looked at, if not where the machine's helper mounts them. */
  disks: Pick<PlantedDisks, 'mountRoot' | 'mountInfo'> | undefined;
  database: Database;
  presence: Presence;
  clock: Clock;
  appliance: () => Appliance;
  admission: () => Admission;
  overview: () => Overview;
  now: () => number;
  log: Logger;
}>;

/** Less is two clocks that do not tick alike. */
const behindMsMin = 10_000;

export class OnDevice {
  readonly helper: BoxHelper;
  readonly #deps: OnDeviceDeps;
  readonly #outbound: Outbound;
  readonly #device: Device;
  readonly #updates: Updates;

  constructor(deps: OnDeviceDeps) {
    this.#deps = deps;
    const { config, database, presence, appliance, admission, overview, now, log } = deps;
    this.helper = new BoxHelper({ socketPath: config.boxHelper });
    const { helper } = this;
    const wanted = () => [...appliance().destinations(), ...overview().destinations(), ...this.#updates.destinations()];
    this.#outbound = new Outbound({ helper, wanted, log });
    this.#device = new Device({
      helper,
      boxName: () => presence.name,
      requireConfirmed: (caller) => admission().access.book.requireConfirmed(caller),
      record: (event, by, detail) =>
        database.write(() => admission().access.record({ event, actor: actorOf(by), detail })),
      letGoOfDisks: (limitMs) => overview().letGoOfDisks(limitMs),
      takeDisksBack: () => overview().takeDisksBack(),
      now,
      log,
    });
    this.#updates = this.#makeUpdates();
  }

  /** What the appliance and others are given. `onDestinations` resolves when the way there is open, and never rejects. */
  get forAppliance() {
    return {
      appliance: this.helper.there,
      onTime: (time: number) => this.#setClock(time),
      onDestinations: () => this.#outbound.look(),
    };
  }

  routes(): Routes[] {
    return [deviceRoutes(this.#device), updatesRoutes(this.#updates)];
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    return this.#updates.handlers();
  }

  /** When everything else is there. */
  start(): void {
    this.#outbound.start();
    this.#updates.start();
    const { clock } = this.#deps;
    // The least that it can be: what checks dates beside this program is not to begin years ago.
    if (clock.isBehind()) this.#setClock(clock.now());
  }

  #makeUpdates(): Updates {
    const { config, version, disks, database, admission, now, log } = this.#deps;
    const { helper } = this;
    const verbs = {
      status: () => helper.ask({ verb: 'update-status' }),
      install: (asked: { path: string; older: boolean }) => helper.ask({ verb: 'update-install', ...asked }),
      restart: () => helper.ask({ verb: 'update-restart' }),
    };
    return new Updates({
      database,
      stateDir: config.stateDir,
      version,
      helper: helper.there ? verbs : undefined,
      lookedAt: mountedRoots(mountRoot, disks?.mountInfo, disks?.mountRoot),
      record: (entry) => admission().access.record(entry),
      requireConfirmed: (caller) => admission().access.book.requireConfirmed(caller),
      onDestinations: () => this.#outbound.look(),
      now,
      log,
    });
  }

  /** The machine's clock follows the box's, where it is far behind it. Nobody waits for that. */
  #setClock(time: number): void {
    const { helper } = this;
    if (!helper.there || Date.now() > time - behindMsMin) return;
    helper.ask({ verb: 'clock', time }).then(
      ({ set }) => this.#deps.log.info({ set }, 'the machine’s clock was told the time'),
      (err: unknown) => this.#deps.log.warn({ err }, 'the machine’s clock could not be set'),
    );
  }

  async close(): Promise<void> {
    this.#device.close();
    await this.#updates.close();
    await this.#outbound.close();
  }
}
