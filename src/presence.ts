/**
 * How the box is found and known on its network: its name, its addresses, its certificates, and making them known. Put
 * together here, for the composition root, which alone calls it; what follows from a new name or address happens here
 * and nowhere else.
 */
import type { SecureContext } from 'node:tls';
import type { BoxView } from './appliance/contract.ts';
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

/** What the owner chose to call the box: it goes before the configured name. */
const chosenSetting = 'box.name';
const nameSetting = 'discovery.name';
/** The chosen or configured name that it was won for. */
const nameForSetting = 'discovery.name-for';
const lookMs = 5_000;
const looksPerDay = 86_400_000 / lookMs;
const namedMsMax = 3_000;
const namedStepMs = 50;
const ownerCertificateWarnMs = 14 * 86_400_000;
const nameLeafWarnMs = 14 * 86_400_000;
/** The `nameLeafRenewsAt` that was told of: a restart does not tell again. */
const nameLeafToldSetting = 'tls.name-leaf-told';
/** Names of before, in one run of the program. */
const formersMax = 8;

export class Presence {
  readonly #options: PresenceOptions;
  readonly #identity: BoxIdentity;
  readonly #owners: OwnerCertificate | undefined;
  /** What nobody was told of yet: some of it happens before there is anybody to tell. */
  readonly #renewals: LeafRenewal[];
  #discovery: Discovery | undefined;
  #doors: Doors | undefined;
  /** Of the share (SMB), while it is on. */
  #sharePort: number | undefined;
  /** What the box should be called: chosen by its owner, else configured. */
  #chosen: string;
  #name: string;
  /** Names that the box had since its start, with their certificates: pages that are open there go on. */
  readonly #formers = new Map<string, SecureContext>();
  #addresses: readonly string[];
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #naming: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    options: PresenceOptions,
    names: { chosen: string; name: string },
    addresses: readonly string[],
    certificates: { identity: BoxIdentity; owners: OwnerCertificate | undefined; renewals: LeafRenewal[] },
  ) {
    this.#options = options;
    this.#chosen = names.chosen;
    this.#name = names.name;
    this.#addresses = addresses;
    this.#identity = certificates.identity;
    this.#owners = certificates.owners;
    this.#renewals = certificates.renewals;
  }

  /** @throws {CodedError} as `BoxIdentity.open` and `OwnerCertificate.open` */
  static async open(options: PresenceOptions): Promise<Presence> {
    const { config, settings, now } = options;
    const chosen = settings.text(chosenSetting) ?? config.name;
    const name = keptName(settings, config, chosen) ?? chosen;
    const addresses = localAddresses(localLinks());
    const tls = tlsSettings(options.aesInstructions ?? true);
    const owners = config.tlsFiles && (await OwnerCertificate.open(config.tlsFiles, tls));
    const { stateDir, hosts } = config;
    const renewals: LeafRenewal[] = [];
    const onLeafRenewed = (renewal: LeafRenewal) => void renewals.push(renewal);
    const identity = await BoxIdentity.open({ stateDir, name, hosts, addresses, now, settings: tls, onLeafRenewed });
    return new Presence(options, { chosen, name }, addresses, { identity, owners, renewals });
  }

  /** The name that the box goes by: `<name>.local`. */
  get name(): string {
    return this.#name;
  }

  /** The name that the box should have; on a network where another has it, it goes by that with a number. */
  get chosenName(): string {
    return this.#chosen;
  }

  /** Certificates by name: the owner's own for what it covers, else the box's. */
  get contexts(): SecureContexts {
    return {
      // Phones know the box's name by the box's root, whatever else the owner's certificate was made for.
      contextFor: (host) => {
        const label = labelOf(host?.toLowerCase().replace(/\.$/, ''));
        const owners = label === this.#name ? undefined : this.#owners?.contextFor(host);
        return this.#formers.get(label ?? '') ?? owners ?? this.#identity.contextFor(host);
      },
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

  get certificates(): NonNullable<BoxView['certificate']> {
    const { names, ...validity } = this.#identity.leaves;
    const owners = this.#owners && { names: [...this.#owners.names], validUntil: this.#owners.validUntil };
    return { ...validity, names: [...names], owners: owners ?? null };
  }

  /** Says whether a host name (lower case, no port) is the box's. */
  allowHost(host: string): boolean {
    const { hosts } = this.#options.config;
    const label = labelOf(host);
    if (label !== undefined && (label === this.#name || this.#formers.has(label))) return true;
    return hosts.includes(host) || this.#owners?.covers(host) === true;
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

  /** The page on plain http that says how to trust the box; `port` is the http door's. */
  welcome(port: number): string {
    const { linkAddress, name } = this.facts(port);
    return new URL(`http://${linkAddress ?? name}/`).href;
  }

  /** Makes the box known on the network, and follows its names and addresses from now on. */
  async announce(doors: Doors): Promise<void> {
    this.#doors = doors;
    this.#timer = setInterval(() => this.#look(), lookMs);
    await this.#tellOfLeaves();
    await this.#inTurn(() => this.#discover());
  }

  /**
   * Takes another name, a valid one: its certificate first, then the settings, then the network, where the old name is
   * said goodbye. `commit` is to put the settings down in one write with what else belongs to them; it is not called for
   * the name that the box should have already. Until the next start the box still answers to the name before.
   * @throws what `commit` throws, or the making of the certificate: then nothing was changed.
   */
  async rename(name: string, commit: (putInWrite: () => void) => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      if (name === this.#chosen) return;
      await this.#rename(name, commit);
      if (this.#discovery === undefined) return;
      await this.#discovery.close();
      await this.#discover();
    });
  }

  /** Makes the share known to computers that look for one (`_smb._tcp`); undefined: not any more. */
  async announceShare(port: number | undefined): Promise<void> {
    await this.#inTurn(async () => {
      if (port === this.#sharePort) return;
      this.#sharePort = port;
      if (this.#discovery === undefined) return;
      await this.#discovery.close();
      await this.#discover();
    });
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
    this.#closed = true;
    await this.#inTurn(async () => await this.#discovery?.close());
    await this.#renewing.catch(() => undefined);
  }

  async #discover(): Promise<void> {
    const { config, settings, log } = this.#options;
    if (!config.discovery || this.#closed || this.#doors === undefined) return;
    const { boxId, version, httpPort, httpsPort } = this.#doors;
    const discovery: Discovery = new Discovery({
      configured: this.#chosen,
      kept: keptName(settings, config, this.#chosen),
      services: [
        { type: '_nightjar._tcp', port: httpsPort, txt: { id: boxId, v: version, fp: this.fingerprint } },
        { type: '_https._tcp', port: httpsPort, txt: { path: '/' } },
        { type: '_http._tcp', port: httpPort, txt: { path: '/' } },
        { type: '_webdavs._tcp', port: httpsPort, txt: { path: '/remote.php/dav/' } },
        ...(this.#sharePort === undefined ? [] : [{ type: '_smb._tcp', port: this.#sharePort, txt: {} }]),
      ],
      links: localLinks,
      // One that was closed meanwhile for another name has nothing to say any more.
      onName: (name) =>
        this.#inTurn(async () => {
          if (this.#discovery === discovery && !this.#closed) await this.#takeName(name);
        }),
      onLinks: () => this.#look(),
      log,
    });
    this.#discovery = discovery;
    await discovery.open();
  }

  /** What names the box happens one after the other. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#naming.then(run);
    this.#naming = turn.catch(() => undefined);
    return turn;
  }

  async #rename(name: string, commit: (putInWrite: () => void) => Promise<void>): Promise<void> {
    const { settings, log } = this.#options;
    const before = this.#name;
    const formers = [...this.#formers];
    if (before !== name) this.#formers.set(before, this.#identity.contextFor(`${before}.local`));
    this.#formers.delete(name);
    const [oldest] = this.#formers.keys();
    if (oldest !== undefined && this.#formers.size > formersMax) this.#formers.delete(oldest);
    this.#name = name;
    try {
      await this.#renew();
      await commit(() => {
        settings.putTextInWrite(chosenSetting, name);
        // As if it was won: it has its certificate already.
        settings.putTextInWrite(nameSetting, name);
        settings.putTextInWrite(nameForSetting, name);
      });
    } catch (error) {
      this.#name = before;
      this.#formers.clear();
      for (const [former, context] of formers) this.#formers.set(former, context);
      await this.#renew().catch((err: unknown) => log.error({ err }, 'the certificate could not be renewed'));
      throw error;
    }
    this.#chosen = name;
    log.info({ name: `${name}.local`, before: `${before}.local` }, 'the box has another name');
  }

  /** Kept first: if the power goes now, the next start has the certificate of the name that it will ask for. */
  async #takeName(name: string): Promise<void> {
    const { settings } = this.#options;
    await settings.putText(nameSetting, name);
    await settings.putText(nameForSetting, this.#chosen);
    this.#name = name;
    this.#formers.delete(name);
    await this.#renew();
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

/** `nightjar` of `nightjar.local`. */
function labelOf(host: string | undefined): string | undefined {
  return host?.endsWith('.local') === true ? host.slice(0, -'.local'.length) : undefined;
}

/** The name that was won before, if it was won for the one that the box should have. */
function keptName(settings: Settings, config: Pick<Config, 'discovery'>, chosen: string): string | undefined {
  const kept = settings.text(nameSetting);
  if (kept === undefined || !config.discovery || settings.text(nameForSetting) !== chosen) return undefined;
  const suffix = kept.startsWith(chosen) ? kept.slice(chosen.length) : 'another name';
  return /^(-[2-9])?$/.test(suffix) ? kept : undefined;
}
