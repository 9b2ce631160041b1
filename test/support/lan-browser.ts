/**
 * Chromium on a host of a test network, with a profile of its own: a person's browser in the house. With the box's root
 * certificate in the profile's store of authorities, or without.
 */
import { execFile } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page as AnyPage } from 'playwright-core';
import type { LanHost } from './lan.ts';

const run = promisify(execFile);
const chromiumPath = '/usr/bin/chromium';
const actionMsMax = 30_000;

/** What is used of a page of `playwright-core`. */
export type Page = {
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  url(): string;
  close(): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  check(selector: string): Promise<void>;
  textContent(selector: string): Promise<string | null>;
  isVisible(selector: string): Promise<boolean>;
  waitForSelector(selector: string, options?: { state?: 'visible' | 'hidden' }): Promise<unknown>;
  waitForURL(url: RegExp): Promise<void>;
  waitForTimeout(ms: number): Promise<void>;
  evaluate<T>(script: string): Promise<T>;
  screenshot(options: { path: string }): Promise<unknown>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  setDefaultTimeout(ms: number): void;
  emulateMedia(options: { colorScheme: 'light' | 'dark' }): Promise<void>;
  on(event: 'console', heard: (message: { type(): string; text(): string }) => void): void;
  on(event: 'pageerror', heard: (error: Error) => void): void;
} & Pick<AnyPage, 'getByRole' | 'getByText' | 'getByLabel'>;
type Context = {
  newPage(): Promise<Page>;
  clearCookies(): Promise<void>;
  newCDPSession(page: Page): Promise<{ send(method: string, params: object): Promise<unknown> }>;
  close(): Promise<void>;
};
type Chromium = { launchPersistentContext(dir: string, options: object): Promise<Context> };

/** Why no browser can be started here; undefined when one can. */
export async function browsersMissing(): Promise<string | undefined> {
  if ((await playwright()) === undefined) return 'playwright-core is not installed';
  if (
    !(await access(chromiumPath).then(
      () => true,
      () => false,
    ))
  )
    return `${chromiumPath} is not installed`;
  const certutil = await run('certutil', ['-H']).catch((error: { code?: unknown }) => error);
  return 'code' in certutil && certutil.code === 'ENOENT' ? 'certutil (libnss3-tools) is not installed' : undefined;
}

async function playwright(): Promise<Chromium | undefined> {
  const found = await import('playwright-core').catch(() => undefined);
  return found?.chromium as Chromium | undefined;
}

export class LanBrowser {
  /** What pages complained of: errors of scripts, and what the policy on content refused. */
  readonly complaints: string[] = [];
  readonly #context: Context;
  readonly #dir: string;

  private constructor(context: Context, dir: string) {
    this.#context = context;
    this.#dir = dir;
  }

  /** `root`: the box's root certificate (DER or PEM file), where this browser trusts it. `names`: who answers to a name. */
  static async start(
    host: Pick<LanHost, 'wrapper'>,
    options: { root?: string; names: Readonly<Record<string, string>>; phone?: boolean },
  ): Promise<LanBrowser> {
    const chromium = await playwright();
    if (chromium === undefined) throw new Error('playwright-core is not installed');
    const dir = await mkdtemp(join(tmpdir(), 'njb-'));
    const store = join(dir, '.pki/nssdb');
    await mkdir(store, { recursive: true });
    await run('certutil', ['-d', `sql:${store}`, '-N', '--empty-password']);
    if (options.root !== undefined) {
      await run('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'box', '-i', options.root]);
    }
    // The pipe by which the browser is driven goes through: this program is only replaced by the next.
    const wrapper = join(dir, 'chromium');
    await writeFile(wrapper, `#!/bin/sh\nexec ${host.wrapper.join(' ')} ${chromiumPath} "$@"\n`);
    await chmod(wrapper, 0o755);
    const rules = Object.entries(options.names).map(([name, address]) => `MAP ${name} ${address}`);
    const context = await chromium.launchPersistentContext(join(dir, 'profile'), {
      executablePath: wrapper,
      env: { ...process.env, HOME: dir },
      args: ['--no-sandbox', `--host-resolver-rules=${rules.join(', ')}`],
      viewport: options.phone === true ? { width: 390, height: 844 } : { width: 1280, height: 800 },
      locale: 'en-GB',
      hasTouch: options.phone === true,
      // Without a screen it would call itself another name.
      userAgent: options.phone === true ? phoneUserAgent : deskUserAgent,
    });
    return new LanBrowser(context, dir);
  }

  async page(url?: string): Promise<Page> {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(actionMsMax);
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      // A refused request is written there by the browser itself.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        this.complaints.push(message.text());
      }
    });
    if (url !== undefined) await page.goto(url);
    return page;
  }

  /** As the person, or the system, clears the data of a site: cookies, keys, all. */
  async clearData(page: Page, origin: string): Promise<void> {
    const session = await this.#context.newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
    await this.#context.clearCookies();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close().catch(() => undefined);
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

const phoneUserAgent =
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36';
const deskUserAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36';
