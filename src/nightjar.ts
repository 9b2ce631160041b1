/**
 * The composition root: the only file that knows every part. Starts them from the bottom up; stopping is the reverse.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { Access } from './access/access.ts';
import { accessRoutes } from './access/routes.ts';
import { sessionTokenFrom } from './access/sessions.ts';
import { eventsContract, type LiveEvent } from './api.ts';
import type { Config } from './config.ts';
import type { Caller } from './http/caller.ts';
import type { Routes } from './http/contract.ts';
import { healthRoutes } from './http/health.ts';
import { LiveEvents } from './http/live-events.ts';
import { openApiRoutes } from './http/openapi.ts';
import { certificateRoutes, staticPage } from './http/pages.ts';
import { HttpServer, transportOf } from './http/server.ts';
import { staticFiles } from './http/static-files.ts';
import { welcomePage } from './http/welcome.ts';
import { downloadsRoutes } from './library/downloads-routes.ts';
import { libraryRoutes } from './library/routes.ts';
import { trashRoutes } from './library/trash-routes.ts';
import { mediaRoutes } from './media/routes.ts';
import { Phones } from './phones/phones.ts';
import { phonesRoutes } from './phones/routes.ts';
import { Database } from './platform/database.ts';
import { Jobs } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import { Presence } from './presence.ts';
import { makeStorage } from './storage.ts';
import { tusRoutes } from './uploads/tus.ts';
import type { UploadOwner } from './uploads/upload.ts';

const root = new URL('..', import.meta.url).pathname;
const schemaDir = (name: string) => join(root, 'src/schema', name);
const boxIdSetting = 'box.id';
const diskIdSetting = 'library.disk-id';
const uploadGraceMs = 3_000;
const housekeepingMs = 3_600_000;
const now = () => Date.now();

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
  readonly #parts = new AsyncDisposableStack();
  #httpsPort = 0;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
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
    const version = await programVersion();
    const database = this.#part(
      Database.open(join(config.stateDir, 'nightjar.sqlite'), { migrationsDir: schemaDir('box-state'), create: true }),
      (it) => it.close(),
    );
    const settings = new Settings(database);
    const boxId = await settings.lasting(boxIdSetting, randomUUID);
    const presence = await Presence.open({ config, settings, now, log });

    const live = new LiveEvents<LiveEvent>({
      contract: eventsContract,
      identify: (request) => identify(request, access, phones),
      now,
      randomBytes,
    });
    const storage = makeStorage({
      diskDir: config.diskDir,
      migrationsDir: schemaDir('library'),
      mediaSocket: config.mediaSocket,
      adoptedDiskId: () => settings.text(diskIdSetting),
      people: () => access.people(),
      ownerOf: (id) => ownerOf(phones, access, id),
      live,
      log,
      now,
      part: (part, stop) => this.#part(part, stop),
    });
    const { library, uploads, pictures, reader } = storage;
    const access = this.#part(
      new Access({
        database,
        stateDir: config.stateDir,
        boxName: config.name,
        setupCode: config.setupCode,
        onClaimed: async () => {
          await settings.putText(diskIdSetting, await library.create(boxId));
          // Whoever was told that the box is set up may pair and send at once.
          await library.lookNow();
        },
        now,
        randomBytes,
        log,
      }),
      (it) => it.stop(),
    );
    const phones = new Phones({
      database,
      access,
      boxFacts: () => presence.facts(this.#httpsPort),
      now,
      randomBytes,
      log,
    });
    await access.open();
    phones.open();
    await reader.open();
    uploads.open();
    await library.open();
    const rooms = [
      healthRoutes(() => ({
        status: library.state === 'ok' || library.state === 'none' ? 'ok' : 'degraded',
        box: presence.name,
        version,
        setUp: access.claimed(),
        disk: library.state,
      })),
      accessRoutes({ access, transportOf }),
      phonesRoutes({ phones, transportOf }),
      libraryRoutes({ library, now, boxName: () => presence.name, namesOf: (id) => namesOf(phones, access, id) }),
      tusRoutes(uploads),
      mediaRoutes({ library, pictures }),
      trashRoutes(storage.trash),
      downloadsRoutes(storage.downloads),
      live.routes(),
    ];
    const routes = [
      ...rooms,
      openApiRoutes(rooms, version),
      certificateRoutes(presence.rootDer),
      ...(await this.#pages()),
    ];
    const server = this.#server(routes, presence, (request) => identify(request, access, phones));
    const ports = await this.#listen(server, presence);
    // A stream has no end of its own: it would hold the stop until its limit.
    server.stopping.addEventListener('abort', () => live.close(), { once: true });
    // What is nearly in may come in; the rest is kept as far as it came, and its phone is told to come again.
    server.stopping.addEventListener('abort', () => setTimeout(() => uploads.interrupt(), uploadGraceMs), {
      once: true,
    });
    this.#housekeeping(database, phones);
    // Last, since it brings people; first to go, since it is said goodbye while everything still answers.
    this.#part(presence, (it) => it.close());
    await presence.announce({ boxId, version, ...ports, refreshTls: () => server.refreshTls() });
    log.info({ version, ...ports, disk: library.state }, 'nightjar is ready');
    return { ...ports, setUp: access.claimed(), addresses: () => this.#addresses(presence) };
  }

  #housekeeping(database: Database, phones: Phones): void {
    const handler = {
      version: 1,
      leaseMs: 60_000,
      attemptsMax: 5,
      run: async () => void (await phones.removeExpired()),
    };
    const handlers = { 'remove-ended-pairings': handler };
    const jobs = this.#part(new Jobs({ database, now, log: this.#log, handlers }), (it) => it.close());
    jobs.every('remove-ended-pairings', housekeepingMs);
    jobs.open();
  }

  #server(
    routes: readonly Routes[],
    presence: Presence,
    identifyCaller: (request: FastifyRequest) => Caller,
  ): HttpServer {
    const { fingerprint } = presence;
    return this.#part(
      new HttpServer({
        routes,
        identify: identifyCaller,
        allowHost: (host) => presence.allowHost(host),
        log: this.#log,
        loopbackHttp: this.#config.loopbackHttp,
        welcome: (host) => welcomePage({ box: presence.name, fingerprint, host, httpsPort: this.#httpsPort }),
      }),
      (it) => it.close(),
    );
  }

  async #listen(server: HttpServer, presence: Presence): Promise<{ httpPort: number; httpsPort: number }> {
    const { stateDir, httpPort, httpsPort } = this.#config;
    // The console comes first: a second box on the same state folder stops here.
    await server.listenConsole(join(stateDir, 'console.sock'));
    this.#httpsPort = await server.listenHttps(httpsPort, presence.contexts);
    return { httpPort: await server.listenHttp(httpPort), httpsPort: this.#httpsPort };
  }

  /** The pages, and the phone client for whoever pairs a phone. */
  async #pages(): Promise<Routes[]> {
    const pages = await staticFiles(join(root, 'web/static'), {
      'status.html': '/',
      'pair.html': '/pair',
      'install.html': '/install',
    });
    const client = await readFile(join(root, 'dist/nightjar-phone.tgz')).catch(() => undefined);
    if (client !== undefined) return [...pages, staticPage('/nightjar-phone.tgz', 'application/gzip', client)];
    this.#log.warn('the phone client is not built, so the box cannot hand it out');
    return pages;
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

/** Who is asking: decided here and nowhere else. */
function identify(request: FastifyRequest, access: Access, phones: Phones): Caller {
  const transport = transportOf(request);
  if (transport === 'console') return { kind: 'console' };
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined) {
    const token = /^Bearer ([A-Za-z0-9-]{16,128})$/i.exec(authorization)?.[1];
    return (token === undefined ? undefined : phones.phoneByToken(token)) ?? { kind: 'nobody' };
  }
  const session = sessionTokenFrom(cookie, transport);
  return (session === undefined ? undefined : access.personBySession(session)) ?? { kind: 'nobody' };
}

function ownerOf(phones: Phones, access: Access, phoneId: string): UploadOwner | undefined {
  const phone = phones.phone(phoneId);
  const person = phone === undefined ? undefined : access.person(phone.personId);
  if (phone === undefined || person === undefined) return undefined;
  return { phoneId, person: { id: person.id, name: person.name, folder: person.folder }, baseFolder: phone.baseFolder };
}

function namesOf(phones: Phones, access: Access, phoneId: string): { phone: string; person: string } {
  const phone = phones.phone(phoneId);
  return { phone: phone?.name ?? '', person: access.person(phone?.personId ?? '')?.name ?? '' };
}

async function programVersion(): Promise<string> {
  const file: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : 'unknown';
}
