/**
 * How the box is found and known on its network: its name, its addresses, its certificates, and making them known. Put
 * together here, for the composition root, which alone calls it; what follows from a new name or address happens here
 * and nowhere else.
 */
import type { Config } from './config.ts';
import { Discovery } from './discovery/discovery.ts';
import { BoxIdentity, type LeafRenewal } from './http/identity.ts';
import { OwnerCertificate } from './http/owner-certificate.ts';
import type { SecureContexts } from './http/server.ts';
import { tlsSettings } from './http/tls-settings.ts';
import type { BoxFacts } from './phones/phones.ts';
import { hostAndPort, localAddresses, localLinks } from './platform/links.ts';
import type { Logger } from './platform/log.ts';
import type { Settings } from './platform/settings.ts';

export type PresenceOptions = Readonly<{
  config: Pick<Config, 'stateDir' | 'name' | 'hosts' | 'discovery' | 'tlsFiles'>;
  settings: Settings;
  now: () => number;
  log: Logger;
  /** Whether the CPU has AES instructions. Default: it has. */
  aesInstructions?: boolean;
  /** Called for what backup apps that pinned the name leaf will ask their people about. */
  onNameLeaf?: (change: NameLeafChange) => void;
}>;
/** `due`: another name leaf comes at `at` (ms since 1970; told once, 14 days before). `renewed`: it came. */
export type NameLeafChange =
  | Readonly<{ change: 'due'; at: number }>
  | Readonly<{ change: 'renewed'; why: LeafRenewal['why'] }>;
/** What is made known, and who is to hear of new certificates. */
export type Doors = Readonly<{
  boxId: string;
  version: string;
  httpPort: number;
  httpsPort: number;
  refreshTls: () => void;
}>;

const nameSetting = 'discovery.name';
/** The configured name that it was won for. */
const nameForSetting = 'discovery.name-for';
const lookMs = 5_000;
const looksPerDay = 86_400_000 / lookMs;
const namedMsMax = 3_000;
const namedStepMs = 50;
const ownerCertificateWarnMs = 14 * 86_400_000;
const nameLeafWarnMs = 14 * 86_400_000;
/** The `nameLeafRenewsAt` that was told of: a restart does not tell again. */
const nameLeafToldSetting = 'tls.name-leaf-told';

export class Presence {
  readonly #options: PresenceOptions;
  readonly #identity: BoxIdentity;
  readonly #owners: OwnerCertificate | undefined;
  /** What nobody was told of yet: some of it happens before there is anybody to tell. */
  readonly #renewals: LeafRenewal[];
  #discovery: Discovery | undefined;
  #doors: Doors | undefined;
  #name: string;
  #addresses: readonly string[];
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();

  private constructor(
    options: PresenceOptions,
    name: string,
    addresses: readonly string[],
    certificates: { identity: BoxIdentity; owners: OwnerCertificate | undefined; renewals: LeafRenewal[] },
  ) {
    this.#options = options;
    this.#name = name;
    this.#addresses = addresses;
    this.#identity = certificates.identity;
    this.#owners = certificates.owners;
    this.#renewals = certificates.renewals;
  }

  /** @throws {CodedError} as `BoxIdentity.open` and `OwnerCertificate.open` */
  static async open(options: PresenceOptions): Promise<Presence> {
    const { config, settings, now } = options;
    const name = keptName(settings, config) ?? config.name;
    const addresses = localAddresses(localLinks());
    const tls = tlsSettings(options.aesInstructions ?? true);
    const owners = config.tlsFiles && (await OwnerCertificate.open(config.tlsFiles, tls));
    const { stateDir, hosts } = config;
    const renewals: LeafRenewal[] = [];
    const onLeafRenewed = (renewal: LeafRenewal) => void renewals.push(renewal);
    const identity = await BoxIdentity.open({ stateDir, name, hosts, addresses, now, settings: tls, onLeafRenewed });
    return new Presence(options, name, addresses, { identity, owners, renewals });
  }

  /** The name that the box goes by: `<name>.local`. */
  get name(): string {
    return this.#name;
  }

  /** Certificates by name: the owner's own for what it covers, else the box's. */
  get contexts(): SecureContexts {
    return {
      // Phones know the box's name by the box's root, whatever else the owner's certificate was made for.
      contextFor: (host) =>
        (this.#isOwnName(host) ? undefined : this.#owners?.contextFor(host)) ?? this.#identity.contextFor(host),
      defaultKeyAndChain: () => this.#identity.defaultKeyAndChain(),
      settings: this.#identity.settings,
    };
  }

  get fingerprint(): string {
    return this.#identity.fingerprint;
  }

  get rootDer(): Uint8Array {
    return this.#identity.rootDer;
  }

  /** Says whether a host name (lower case, no port) is the box's. */
  allowHost(host: string): boolean {
    const { hosts } = this.#options.config;
    return host === `${this.#name}.local` || hosts.includes(host) || this.#owners?.covers(host) === true;
  }

  /** What a pairing says about the box; `port` is the https door's. */
  facts(port: number): BoxFacts {
    const addresses = this.#addressesNow();
    const shown = addresses.length === 0 ? ['localhost'] : addresses.filter((one) => !one.startsWith('fe80'));
    // A link-local address opens nowhere without a zone, which only the device that opens it knows.
    const [first = `${this.#name}.local`] = shown;
    return {
      name: this.#name,
      addresses: [`${this.#name}.local`, ...shown].map((host) => hostAndPort(host, port)),
      // Not every phone finds the name; an address works at once.
      linkAddress: hostAndPort(first, port),
      fingerprint: this.fingerprint,
    };
  }

  /** Makes the box known on the network, and follows its names and addresses from now on. */
  async announce(doors: Doors): Promise<void> {
    this.#doors = doors;
    this.#timer = setInterval(() => this.#look(), lookMs);
    await this.#tellOfLeaves();
    const { config, settings, log } = this.#options;
    if (!config.discovery) return;
    const { boxId, version, httpPort, httpsPort } = doors;
    this.#discovery = new Discovery({
      configured: config.name,
      kept: keptName(settings, config),
      services: [
        { type: '_nightjar._tcp', port: httpsPort, txt: { id: boxId, v: version, fp: this.fingerprint } },
        { type: '_https._tcp', port: httpsPort, txt: { path: '/' } },
        { type: '_http._tcp', port: httpPort, txt: { path: '/' } },
        { type: '_webdavs._tcp', port: httpsPort, txt: { path: '/remote.php/dav/' } },
      ],
      links: localLinks,
      onName: (name) => this.#takeName(name),
      onLinks: () => this.#look(),
      log,
    });
    await this.#discovery.open();
  }

  /** Resolves when the name is won, or after 3 s without one: who is told a name should not be told a wrong one. */
  async named(): Promise<void> {
    for (let waited = 0; waited < namedMsMax && this.#discovery?.state === 'probing'; waited += namedStepMs) {
      await new Promise((resolve) => setTimeout(resolve, namedStepMs));
    }
  }

  /** Says goodbye on the network. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#discovery?.close();
    await this.#renewing.catch(() => undefined);
  }

  /** Kept first: if the power goes now, the next start has the certificate of the name that it will ask for. */
  async #takeName(name: string): Promise<void> {
    const { settings, config } = this.#options;
    await settings.putText(nameSetting, name);
    await settings.putText(nameForSetting, config.name);
    this.#name = name;
    await this.#renew();
  }

  #isOwnName(host: string | undefined): boolean {
    return host?.toLowerCase().replace(/\.$/, '') === `${this.#name}.local`;
  }

  /** Those known before when they cannot be read: whoever has many connections must not end the box. */
  #addressesNow(): readonly string[] {
    try {
      return localAddresses(localLinks());
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the network interfaces cannot be read');
      return this.#addresses;
    }
  }

  #look(): void {
    const addresses = this.#addressesNow();
    const daily = ++this.#looks % looksPerDay === 0;
    if (daily) this.#warnOfOwners();
    const changed = addresses.join() !== this.#addresses.join();
    this.#addresses = addresses;
    const renewed = changed || daily ? this.#renew() : Promise.resolve();
    Promise.all([renewed, this.#lookAtOwners()]).catch((error: unknown) => {
      // The same again at the next look.
      this.#addresses = [];
      this.#options.log.error({ err: error }, 'the certificate could not be renewed');
    });
  }

  /** One at a time: both leaves are files. */
  #renew(): Promise<void> {
    this.#renewing = this.#renewing
      .catch(() => undefined)
      .then(async () => {
        const { hosts } = this.#options.config;
        await this.#identity.update({ name: this.#name, hosts, addresses: this.#addresses });
        this.#doors?.refreshTls();
        await this.#tellOfLeaves();
      });
    return this.#renewing;
  }

  async #lookAtOwners(): Promise<void> {
    try {
      if (await this.#owners?.look()) this.#options.log.info('the owner’s certificate was changed, and is in use');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the owner’s new certificate cannot be used; the one before goes on');
    }
  }

  async #tellOfLeaves(): Promise<void> {
    const { settings, now, log, onNameLeaf } = this.#options;
    for (const { which, why } of this.#renewals.splice(0)) {
      log.info({ which, why }, 'another certificate took the place of the one before');
      if (which === 'name-leaf') onNameLeaf?.({ change: 'renewed', why });
    }
    const at = this.#identity.nameLeafRenewsAt;
    if (at - now() > nameLeafWarnMs || settings.text(nameLeafToldSetting) === String(at)) return;
    await settings.putText(nameLeafToldSetting, String(at));
    log.warn({ at: new Date(at).toISOString() }, 'the certificate of the name is renewed soon; backup apps will ask');
    onNameLeaf?.({ change: 'due', at });
  }

  #warnOfOwners(): void {
    if (this.#owners === undefined || this.#owners.validUntil - this.#options.now() > ownerCertificateWarnMs) return;
    const until = new Date(this.#owners.validUntil).toISOString();
    this.#options.log.warn({ until }, 'the owner’s certificate runs out; put a new one in its place');
  }
}

/** The name that was won before, if it was won for the configured one. */
function keptName(settings: Settings, config: Pick<Config, 'name' | 'discovery'>): string | undefined {
  const kept = settings.text(nameSetting);
  if (kept === undefined || !config.discovery || settings.text(nameForSetting) !== config.name) return undefined;
  const suffix = kept.startsWith(config.name) ? kept.slice(config.name.length) : 'another name';
  return /^(-[2-9])?$/.test(suffix) ? kept : undefined;
}
