/** A box that Alice owns, with a clock that tests turn, and what people in the house do with it by HTTP. */
import { expect } from 'vitest';
import { App } from './app.ts';
import { ApproverKey } from './approver-phone.ts';
import type { Answer } from './asking.ts';
import { goodPassword, setupCode } from './box-state.ts';
import { Browser } from './browser.ts';
import { HandPhone } from './hand-phone.ts';
import { codeAt } from './totp.ts';

export const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000] as const;

/** A phone that can approve. */
export type ApproverPhone = Readonly<{ hand: HandPhone; key: ApproverKey; secret: string }>;

export class House {
  /** 21 November 2026, noon. */
  readonly clock = { ms: Date.UTC(2026, 10, 21, 12) };
  app!: App;
  /** The browser on which she claimed the box. */
  alice!: Browser;

  static async make(): Promise<House> {
    const house = new House();
    house.app = await App.start({}, { now: () => house.clock.ms });
    house.alice = new Browser(house.app);
    const claimed = { code: setupCode, person: 'Alice', password: goodPassword };
    must(await house.alice.ask('POST', '/api/setup', claimed), 201);
    return house;
  }

  /** A browser in which nobody has signed in as yet. */
  browser(): Browser {
    return new Browser(this.app);
  }

  codeNow(textKey: string, steps = 0): string {
    return codeAt(textKey, this.clock.ms, steps);
  }

  /** Adds an authenticator; the clock then stands in the next step, since that of the first code is used. */
  async enrol(browser: Browser, name = 'Phone'): Promise<{ id: string; textKey: string; recoveryCodes: string[] }> {
    const begun = must(await browser.ask('POST', '/api/authenticators', { name }), 201);
    const { id, textKey } = begun as { id: string; textKey: string };
    const path = `/api/authenticators/${id}/confirm`;
    const confirmed = must(await browser.ask('POST', path, { code: this.codeNow(textKey) }), 200);
    this.clock.ms += 30 * second;
    return { id, textKey, recoveryCodes: confirmed['recoveryCodes'] as string[] };
  }

  /** Opens a pairing in a confirmed session and redeems it as the phone's page does, with a key that may approve. */
  async approver(browser: Browser, phone: string, replaces?: string): Promise<ApproverPhone> {
    const opened = must(await browser.ask('POST', '/api/pairings', { phone, ...(replaces && { replaces }) }), 201);
    const secret = secretOf(String(opened['link']));
    const key = await ApproverKey.make();
    const body = { secret, client: 'web-page', approverKey: key.publicKey };
    const paired = must(await this.app.ask('POST', '/api/pairings/redeem', {}, body), 201);
    expect(paired['approver']).toBe(true);
    const hand = new HandPhone(() => this.app.httpPort, paired as { token: string; phoneId: string });
    return { hand, key, secret };
  }

  /** What a phone would send to approve the newest request with these digits. */
  async signed({ hand, key }: ApproverPhone, digits: string): Promise<{ path: string; answer: object }> {
    const { approvals } = must(await hand.ask('GET', '/api/approvals'), 200) as {
      approvals: [{ id: string; at: number }];
    };
    const [{ id, at }] = approvals;
    const origin = `http://127.0.0.1:${this.app.httpPort}`;
    const answer = await key.answer({ id, digits, at, phoneId: hand.phoneId, origin });
    return { path: `/api/approvals/${id}`, answer };
  }

  async approve(phone: ApproverPhone, digits: string): Promise<Answer> {
    const { path, answer } = await this.signed(phone, digits);
    return await phone.hand.json('POST', path, answer);
  }

  async putPolicy(policy: object, browser = this.alice): Promise<void> {
    const value = { secondFactorRequired: false, passwordExpiryDays: null, idleLockMinutes: null, ...policy };
    must(await browser.ask('PUT', '/api/policy', value), 200);
  }

  async notices(browser = this.alice): Promise<string[]> {
    const { notices } = must(await browser.ask('GET', '/api/notices'), 200) as { notices: Array<{ kind: string }> };
    return notices.map(({ kind }) => kind);
  }

  /** Shows again that it is she: what changes factors needs that within ten minutes. */
  async confirm(browser = this.alice): Promise<void> {
    must(await browser.ask('POST', '/api/sessions/current/confirm', { password: goodPassword }), 200);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]();
  }
}

/** The body of an answer that has to have this status. */
export function must(answer: Answer, status: number): Record<string, unknown> {
  expect(answer.status, answer.text).toBe(status);
  return answer.text === '' ? {} : answer.json();
}

/** `[status, code]` of a problem, `[status, undefined]` of what went well. */
export function problem(answer: Answer): [number, unknown] {
  return [answer.status, answer.status < 400 ? undefined : answer.json()['code']];
}

/** `[status, stage]` of a step of signing in, `[status, code]` of a refused one. */
export function stage(answer: Answer): [number, unknown] {
  return [answer.status, answer.json()[answer.status < 400 ? 'stage' : 'code']];
}

export function sendCode(browser: Browser, code: string): Promise<Answer> {
  return browser.ask('POST', '/api/sessions/current/code', { code });
}

/** What a link keeps in its fragment. */
export function secretOf(link: string): string {
  return new URLSearchParams(new URL(link).hash.slice(1)).get('s') ?? '';
}
