/**
 * The composition root: the only file that knows every part. Starts them from the bottom up; stopping is the reverse.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Admission } from './admission.ts';
import { eventsContract, type LiveEvent } from './api.ts';
import { Appliance } from './appliance/appliance.ts';
import { applianceRoutes } from './appliance/routes.ts';
import type { Config } from './config.ts';
import { finishAdoption } from './copies/adopted-state.ts';
import { diskIdSetting } from './copies.ts';
import { appDoors } from './doors.ts';
import { clockRoutes } from './http/clock.ts';
import type { Routes } from './http/contract.ts';
import { healthRoutes } from './http/health.ts';
import { LiveEvents } from './http/live-events.ts';
import { openApiRoutes } from './http/openapi.ts';
import { certificateRoutes } from './http/pages.ts';
import { HttpServer } from './http/server.ts';
import { hasAesInstructions } from './http/tls-settings.ts';
import { welcomePage } from './http/welcome.ts';
import { downloadsRoutes } from './library/downloads-routes.ts';
import { erasureRoutes } from './library/erasure-routes.ts';
import { libraryRoutes } from './library/routes.ts';
import { trashRoutes } from './library/trash-routes.ts';
import { mediaRoutes } from './media/routes.ts';
import { OnDevice } from './on-device.ts';
import { Overview, type Planted } from './overview.ts';
import { pages } from './pages.ts';
import { type Clock, openClock } from './platform/clock.ts';
import { cpuInfo } from './platform/cpu.ts';
import { Database } from './platform/database.ts';
import { Jobs } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import { programVersion } from './platform/version.ts';
import { Presence } from './presence.ts';
import { makeStorage } from './storage.ts';
import { Transfers } from './transfers.ts';
import { tusRoutes } from './uploads/tus.ts';

const root = new URL('..', import.meta.url).pathname;
const schemaDir = (name: string) => join(root, 'src/schema', name);
const boxIdSetting = 'box.id';
const uploadGraceMs = 3_000;
export type Started = Readonly<{
  httpPort: number;
  httpsPort: number;
  setUp: boolean;
  /** `host:port` of the https door, the name first; waits up to 3 s until the name is known to be the box's. */
  addresses(): Promise<readonly string[]>;
}>;

export class Nightjar {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #planted: Planted;
  readonly #parts = new AsyncDisposableStack();
  readonly #restart = Promise.withResolvers<void>();
  #httpsPort = 0;
  #httpPort = 0;

  constructor(config: Config, log: Logger, planted: Planted = {}) {
    this.#config = config;
    this.#log = log;
    this.#planted = planted;
  }

  /** Starts every part, or stops those that had started and throws. */
  async start(): Promise<Started> {
    try {
      return await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Resolves when the box is to be stopped and made anew: it became another one. */
  get restart(): Promise<void> {
    return this.#restart.promise;
  }

  /** Stops every part, the last one first. Safe to call again. */
  async stop(): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #start(): Promise<Started> {
    const config = this.#config;
    const log = this.#log;
    await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
    // Also where somebody made it before: it holds keys and password hashes.
    await chmod(config.stateDir, 0o700);
    if (await finishAdoption(config.stateDir)) log.info('the box is the one of its disk now');
    const version = await programVersion(root);
    const database = this.#part(
      Database.open(join(config.stateDir, 'nightjar.sqlite'), { migrationsDir: schemaDir('box-state'), create: true }),
      (it) => it.close(),
    );
    const settings = new Settings(database);
    const boxId = await settings.lasting(boxIdSetting, randomUUID);
    const clock = openClock(settings, { device: config.boxHelper !== undefined });
    const { now = clock.now, machine, disks, passwordCost } = this.#planted;
    const presence = await Presence.open({
      config,
      settings,
      now,
      log,
      aesInstructions: hasAesInstructions(await cpuInfo()),
      onNameLeaf: (change) =>
        void admission.tellOwnerOfLeaf(change).catch((err: unknown) => log.warn({ err }, 'a notice could not be kept')),
    });
    const live: LiveEvents<LiveEvent> = new LiveEvents<LiveEvent>({
      contract: eventsContract,
      identify: (request) => admission.identify(request),
      now,
      randomBytes,
    });
    const late = { appliance: () => appliance, admission: () => admission, overview: () => overview, version, disks };
    const onDevice = this.#part(new OnDevice({ config, database, presence, clock, ...late, now, log }), (it) =>
      it.close(),
    );
    const appliance: Appliance = this.#part(
      new Appliance({
        database,
        presence,
        clock,
        timeServers: config.timeServers,
        ports: () => ({ httpPort: this.#httpPort, httpsPort: this.#httpsPort }),
        version,
        ...onDevice.forAppliance,
        facts: () => ({ ...admission.firstRunFacts(), disks: overview.diskChoice }),
        record: (entry) => admission.access.record(entry),
        requireConfirmed: (caller) => admission.requireConfirmed(caller),
        now,
        randomBytes,
        log,
      }),
      (it) => it.close(),
    );
    appliance.open();
    const storage = makeStorage({
      diskDir: config.diskDir,
      migrationsDir: schemaDir('library'),
      mediaSocket: config.mediaSocket,
      adoptedDiskId: () => settings.text(diskIdSetting),
      placeOf: (diskId) => overview.placeOf(diskId),
      people: () => admission.access.people(),
      ownerOf: (id) => transfers.ownerOf(id),
      trashDaysOf: (id) => admission.limits.of(id).trashDays,
      onErased: (id, facts) => admission.household.erased(id, facts),
      endImports: (open, id) => transfers.endImportsOf(open, id),
      onUploads: (event) => overview.noteUploads(event),
      live,
      log,
      now,
      timeZone: appliance.timeZone,
      part: (part, stop) => this.#part(part, stop),
    });
    const { library, uploads, pictures, reader } = storage;
    const admission: Admission = this.#part(
      new Admission({
        config,
        database,
        presence,
        appliance,
        httpsPort: () => this.#httpsPort,
        httpPort: () => this.#httpPort,
        live,
        onClaimed: () => overview.claimed(),
        passwordCost,
        now,
        log,
      }),
      (it) => it.stop(),
    );
    await admission.open();
    await reader.open();
    uploads.open();
    const { onDestinations } = onDevice.forAppliance;
    const parts = { storage, admission, appliance, presence, live, clock, stateDir: config.stateDir, onDestinations };
    const outer = { config, database, boxId, machine, disks, restart: this.#restart.resolve };
    const letGoSource = (source: string) => transfers.letGo(source);
    const overview: Overview = new Overview({ ...parts, ...outer, letGoSource, now, log });
    this.#part(overview, (it) => it.close());
    await overview.open();
    const mirrorPlaces = () => overview.mirrorPlaces();
    const transfers: Transfers = this.#part(
      new Transfers({ ...parts, database, disks, mirrorPlaces, config, now, log }),
      (it) => it.close(),
    );
    transfers.open();
    await library.open();
    const { requireConfirmed } = admission;
    const rooms = [
      healthRoutes(() => ({
        status: library.state === 'ok' || library.state === 'none' ? 'ok' : 'degraded',
        box: presence.name,
        version,
        setUp: admission.access.claimed(),
        disk: library.state,
      })),
      ...admission.routes(),
      clockRoutes({ clock, onUsed: (by) => appliance.browserTold(by) }),
      applianceRoutes(appliance),
      ...onDevice.routes(),
      erasureRoutes({ erasure: storage.erasure, household: admission.household, requireConfirmed }),
      libraryRoutes({ library, now, boxName: () => presence.name, phones: transfers }),
      tusRoutes(uploads),
      mediaRoutes({ library, pictures }),
      trashRoutes(storage.trash),
      downloadsRoutes(storage.downloads),
      ...overview.routes(),
      ...transfers.routes(),
      live.routes(),
    ];
    const routes = [
      ...rooms,
      openApiRoutes(rooms, version),
      certificateRoutes(presence.rootDer),
      ...appDoors({ storage, admission, presence, now }),
      ...(await pages(root, log)),
    ];
    const server = this.#server(routes, presence, admission, now);
    const ports = await this.#listen(server, presence);
    // A stream has no end of its own: it would hold the stop until its limit.
    server.stopping.addEventListener('abort', () => live.close(), { once: true });
    server.stopping.addEventListener('abort', () => admission.interrupt(), { once: true });
    // What is nearly in may come in; the rest is kept as far as it came, and its phone is told to come again.
    server.stopping.addEventListener('abort', () => setTimeout(() => uploads.interrupt(), uploadGraceMs), {
      once: true,
    });
    const work = { ...admission.handlers(), ...appliance.handlers(), ...onDevice.handlers(), ...overview.handlers() };
    overview.start(this.#housekeeping(database, work, clock, now));
    await admission.actOnBootFile();
    // Last, since it brings people; first to go, since it is said goodbye while everything still answers.
    this.#part(presence, (it) => it.close());
    await presence.announce({ boxId, version, ...ports, refreshTls: () => server.refreshTls() });
    onDevice.start();
    appliance.start();
    log.info({ version, ...ports, disk: library.state }, 'nightjar is ready');
    return { ...ports, setUp: admission.access.claimed(), addresses: () => this.#addresses(presence) };
  }

  #housekeeping(database: Database, handlers: ReturnType<Overview['handlers']>, clock: Clock, now: () => number): Jobs {
    const jobs = this.#part(new Jobs({ ...this.#planted, database, now, log: this.#log, handlers }), (it) =>
      it.close(),
    );
    for (const [kind, { everyMs }] of Object.entries(handlers)) if (everyMs !== undefined) jobs.every(kind, everyMs);
    jobs.open();
    this.#part(clock, (it) => it.save());
    return jobs;
  }

  #server(routes: readonly Routes[], presence: Presence, admission: Admission, now: () => number): HttpServer {
    const { fingerprint } = presence;
    return this.#part(
      new HttpServer({
        routes,
        identify: (request) => admission.identify(request),
        refused: (caller, status, route) => admission.refused(caller, status, route),
        probed: (address) => admission.phones.probed(address),
        allowHost: (host) => presence.allowHost(host),
        log: this.#log,
        now,
        loopbackHttp: this.#config.loopbackHttp,
        welcome: (host, userAgent = '') =>
          welcomePage({ box: presence.name, fingerprint, host, httpsPort: this.#httpsPort, userAgent }),
      }),
      (it) => it.close(),
    );
  }

  async #listen(server: HttpServer, presence: Presence): Promise<{ httpPort: number; httpsPort: number }> {
    const { stateDir, httpPort, httpsPort, handedOver } = this.#config;
    // The console comes first: a second box on the same state folder stops here.
    await server.listenConsole(join(stateDir, 'console.sock'));
    this.#httpsPort = await server.listenHttps(handedOver.https ?? httpsPort, presence.contexts);
    this.#httpPort = await server.listenHttp(handedOver.http ?? httpPort);
    return { httpPort: this.#httpPort, httpsPort: this.#httpsPort };
  }

  async #addresses(presence: Presence): Promise<readonly string[]> {
    await presence.named();
    return presence.facts(this.#httpsPort).addresses;
  }

  #part<T>(part: T, stop: (part: T) => void | Promise<void>): T {
    this.#parts.defer(async () => {
      await Promise.resolve(stop(part)).catch((error: unknown) =>
        this.#log.error({ err: error }, 'a part did not stop cleanly'),
      );
    });
    return part;
  }
}
