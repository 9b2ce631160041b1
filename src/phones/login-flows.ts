/**
 * Sign-ins that an app began by itself: it shows its person a page of the box, where somebody who is known lets it in,
 * and meanwhile asks again and again for its password. In memory, for minutes: after a restart the app begins anew.
 */
import { createHash } from 'node:crypto';
import { CodedError } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';

export type BegunLogin = Readonly<{ login: string; poll: string }>;
/** Who asks, in the app's own words. `createdAt`, `expiresAt`: ms since 1970. */
export type LoginLook = Readonly<{ client: string | null; address: string; createdAt: number; expiresAt: number }>;
export type Granted = Readonly<{ user: string; password: string }>;
type Flow = LoginLook & { readonly login: string; readonly poll: string; granted: Granted | undefined; taken: boolean };

const flowMs = 20 * 60_000;
const flowsMax = 100;
const flowsPerAddressMax = 10;
const tokenBytes = 24;

export class LoginFlows {
  readonly #now: () => number;
  readonly #randomBytes: RandomBytes;
  /** Oldest first. */
  #flows: Flow[] = [];

  constructor(options: { now: () => number; randomBytes: RandomBytes }) {
    this.#now = options.now;
    this.#randomBytes = options.randomBytes;
  }

  /** Anybody may: what has to be kept in memory for them is bounded, and the oldest goes first. */
  begin(by: { client: string | null; address: string }): BegunLogin {
    const createdAt = this.#now();
    const login = this.#randomBytes(tokenBytes).toString('hex');
    const poll = this.#randomBytes(tokenBytes).toString('hex');
    const own = this.#living().filter(({ address }) => address === by.address);
    const goes = own.length >= flowsPerAddressMax ? own[0] : undefined;
    this.#flows = this.#flows.filter((flow) => flow !== goes).slice(-(flowsMax - 1));
    this.#flows.push({
      ...by,
      createdAt,
      expiresAt: createdAt + flowMs,
      login: digest(login),
      poll: digest(poll),
      granted: undefined,
      taken: false,
    });
    return { login, poll };
  }

  /** @throws {CodedError} `not-found` for one that is over, was answered, or never was. */
  look(login: string): LoginLook {
    const { client, address, createdAt, expiresAt } = this.#open(login);
    return { client, address, createdAt, expiresAt };
  }

  /**
   * Lets the app in with what `grant` makes; of two at once, one does. @throws {CodedError} `not-found`, and whatever
   * `grant` throws: then it may be tried again.
   */
  async grant(login: string, grant: (client: string | null) => Promise<Granted>): Promise<void> {
    const flow = this.#open(login);
    flow.taken = true;
    try {
      flow.granted = await grant(flow.client);
    } catch (error) {
      flow.taken = false;
      throw error;
    }
  }

  /** @throws {CodedError} `not-found` */
  refuse(login: string): void {
    const flow = this.#open(login);
    this.#flows = this.#flows.filter((one) => one !== flow);
  }

  /** What the app was granted, once; undefined: nothing as yet, or it is over. */
  poll(token: string): Granted | undefined {
    const wanted = digest(token);
    const flow = this.#living().find(({ poll }) => poll === wanted);
    if (flow?.granted === undefined) return undefined;
    this.#flows = this.#flows.filter((one) => one !== flow);
    return flow.granted;
  }

  #open(login: string): Flow {
    const wanted = digest(login);
    const flow = this.#living().find((one) => one.login === wanted && !one.taken);
    if (flow !== undefined) return flow;
    throw new CodedError(
      'not-found',
      'This sign-in of an app is over or was answered already. Nothing was changed; begin it again in the app.',
    );
  }

  #living(): readonly Flow[] {
    const now = this.#now();
    this.#flows = this.#flows.filter(({ createdAt, expiresAt }) => expiresAt > now && createdAt <= now);
    return this.#flows;
  }
}

/** Compared as digests: how long that takes tells nothing of the token. */
function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
