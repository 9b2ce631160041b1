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
import { BoxIdentity } from './http/identity.ts';
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
import { type BoxFacts, Phones } from './phones/phones.ts';
import { phonesRoutes } from './phones/routes.ts';
import { hostAndPort, localAddresses } from './platform/addresses.ts';
import { Database } from './platform/database.ts';
import { Jobs } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import { makeStorage } from './storage.ts';
import { tusRoutes } from './uploads/tus.ts';
import type { UploadOwner } from './uploads/upload.ts';

const root = new URL('..', import.meta.url).pathname;
const schemaDir = (name: string) => join(root, 'src/schema', name);
const boxIdSetting = 'box.id';
const diskIdSetting = 'library.disk-id';
const uploadGraceMs = 3_000;
const housekeepingMs = 3_600_000;
const addressLookMs = 30_000;
const looksPerDay = 86_400_000 / addressLookMs;
const now = () => Date.now();

export type Started = Readonly<{ httpPort: number; httpsPort: number; setUp: boolean; addresses: readonly string[] }>;

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
    const identity = await BoxIdentity.open({
      stateDir: config.stateDir,
      name: config.name,
      hosts: config.hosts,
      addresses: localAddresses(),
      now,
    });

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
      boxFacts: () => this.#boxFacts(identity),
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
        box: config.name,
        version,
        setUp: access.claimed(),
        disk: library.state,
      })),
      accessRoutes({ access, transportOf }),
      phonesRoutes({ phones, transportOf }),
      libraryRoutes({ library, now, boxName: () => config.name, namesOf: (id) => namesOf(phones, access, id) }),
      tusRoutes(uploads),
      mediaRoutes({ library, pictures }),
      trashRoutes(storage.trash),
      downloadsRoutes(storage.downloads),
      live.routes(),
    ];
    const routes = [
      ...rooms,
      openApiRoutes(rooms, version),
      certificateRoutes(identity.rootDer),
      ...(await this.#pages()),
    ];
    const server = this.#server(routes, identity, (request) => identify(request, access, phones));
    const ports = await this.#listen(server, identity);
    // A stream has no end of its own: it would hold the stop until its limit.
    server.stopping.addEventListener('abort', () => live.close(), { once: true });
    // What is nearly in may come in; the rest is kept as far as it came, and its phone is told to come again.
    server.stopping.addEventListener('abort', () => setTimeout(() => uploads.interrupt(), uploadGraceMs), {
      once: true,
    });
    this.#housekeeping(database, phones);
    this.#followAddresses(identity, server);
    log.info({ version, ...ports, disk: library.state }, 'nightjar is ready');
    return { ...ports, setUp: access.claimed(), addresses: this.#boxFacts(identity).addresses };
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

  /** Keeps the address certificate true: for addresses that come and go, and before it runs out. */
  #followAddresses(identity: BoxIdentity, server: HttpServer): void {
    const { name, hosts } = this.#config;
    let known = localAddresses().join();
    let looks = 0;
    const look = async () => {
      const addresses = localAddresses();
      if (addresses.join() === known && ++looks % looksPerDay !== 0) return;
      known = addresses.join();
      await identity.update({ name, hosts, addresses });
      server.refreshTls();
    };
    const timer = setInterval(() => {
      look().catch((error: unknown) => this.#log.error({ err: error }, 'the certificate could not be renewed'));
    }, addressLookMs);
    this.#part(timer, clearInterval);
  }

  #server(
    routes: readonly Routes[],
    identity: BoxIdentity,
    identifyCaller: (request: FastifyRequest) => Caller,
  ): HttpServer {
    const { name, hosts, loopbackHttp } = this.#config;
    const { fingerprint } = identity;
    return this.#part(
      new HttpServer({
        routes,
        identify: identifyCaller,
        allowHost: (host) => host === `${name}.local` || hosts.includes(host),
        log: this.#log,
        loopbackHttp,
        welcome: (host) => welcomePage({ box: name, fingerprint, host, httpsPort: this.#httpsPort }),
      }),
      (it) => it.close(),
    );
  }

  async #listen(server: HttpServer, identity: BoxIdentity): Promise<{ httpPort: number; httpsPort: number }> {
    const { stateDir, httpPort, httpsPort } = this.#config;
    // The console comes first: a second box on the same state folder stops here.
    await server.listenConsole(join(stateDir, 'console.sock'));
    this.#httpsPort = await server.listenHttps(httpsPort, identity);
    return { httpPort: await server.listenHttp(httpPort), httpsPort: this.#httpsPort };
  }

  /** The pages, and the phone client for whoever pairs a phone. */
  async #pages(): Promise<Routes[]> {
    const pages = await staticFiles(join(root, 'web/static'), { 'status.html': '/', 'pair.html': '/pair' });
    const client = await readFile(join(root, 'dist/nightjar-phone.tgz')).catch(() => undefined);
    if (client !== undefined) return [...pages, staticPage('/nightjar-phone.tgz', 'application/gzip', client)];
    this.#log.warn('the phone client is not built, so the box cannot hand it out');
    return pages;
  }

  #boxFacts(identity: BoxIdentity): BoxFacts {
    const addresses = localAddresses();
    const { name } = this.#config;
    const [first = 'localhost'] = addresses;
    const hosts = [
      `${name}.local`,
      ...(addresses.length === 0 ? ['localhost'] : addresses.filter((one) => !one.startsWith('fe80'))),
    ];
    return {
      name,
      addresses: hosts.map((host) => hostAndPort(host, this.#httpsPort)),
      // The name needs the network's discovery to answer; an address works at once.
      linkAddress: hostAndPort(first, this.#httpsPort),
      fingerprint: identity.fingerprint,
    };
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
