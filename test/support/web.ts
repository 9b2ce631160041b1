/**
 * A box in this process and a real Chromium that visits it on loopback, as people do: phone or desktop, light or dark.
 * Whatever a page complains of, and whatever it asks of another host, is kept and fails the test at its end.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { App, type AppOptions } from './app.ts';
import { goodPassword } from './box-state.ts';

export type { Page };
export const chromiumPath = '/usr/bin/chromium';
const shotsDir = process.env['NIGHTJAR_SHOTS'];
const actionMsMax = 60_000;
const views = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;
const androidAgent =
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';

export type VisitOptions = Readonly<{
  view?: keyof typeof views;
  theme?: 'light' | 'dark';
  reducedMotion?: boolean;
  userAgent?: string;
  /** What else its pages may ask: the probes of the page on plain http. */
  mayAsk?: RegExp;
  /** A browser that trusts the box, and anybody else: no certificate is looked at. */
  trusting?: boolean;
}>;

/** Why these tests cannot run; undefined: they can. In CI that is an error (`requireWeb`). */
export function webMissing(): string | undefined {
  if (!existsSync(chromiumPath)) return `${chromiumPath} is not installed`;
  const built = new URL('../../dist/web/index.html', import.meta.url);
  return existsSync(built) ? undefined : 'the web app is not built (make web)';
}

/** One person's browser: its own cookies and storage. */
export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly view: keyof typeof views;
  readonly #complaints: string[] = [];
  readonly #origin: string;

  constructor(context: BrowserContext, page: Page, view: keyof typeof views, origin: string, mayAsk?: RegExp) {
    this.context = context;
    this.page = page;
    this.view = view;
    this.#origin = origin;
    context.on('request', (request) => {
      const url = request.url();
      const own = /^(data|blob):/.test(url) || new URL(url).origin === origin;
      if (!own && mayAsk?.test(url) !== true) this.#complaints.push(`asked for ${url}`);
    });
    context.on('weberror', (error) => this.#complaints.push(`broke: ${error.error().message}`));
    context.on('console', (message) => {
      // What the box refuses on purpose (401 before a sign-in, 503 while it is away) Chromium logs as an error too.
      const refused = /^Failed to load resource: (the server responded with a status of|net::ERR_)/.test(
        message.text(),
      );
      if (message.type() === 'error' && !refused) this.#complaints.push(`said: ${message.text()}`);
    });
  }

  /**
   * A browser whose profile outlives it: closed and opened again with the same folder it is the same person's. For boxes
   * that the test starts itself.
   */
  static async withProfile(dir: string, origin: string, options: VisitOptions = {}): Promise<Visitor> {
    const view = options.view ?? 'phone';
    const context = await chromium.launchPersistentContext(dir, {
      executablePath: chromiumPath,
      args: ['--no-sandbox'],
      ...contextOptions({ view, ...options }),
    });
    context.setDefaultTimeout(actionMsMax);
    return new Visitor(context, context.pages()[0] ?? (await context.newPage()), view, origin);
  }

  /** Opens a page of the box by its path. */
  async go(path: string): Promise<void> {
    await this.page.goto(`${this.#origin}${path}`);
  }

  /** Signs in by name and password; without a second factor that is all. */
  async signIn(person = 'Alice', password = goodPassword): Promise<void> {
    const answer = await this.context.request.post(`${this.#origin}/api/sessions`, { data: { person, password } });
    if (!answer.ok()) throw new Error(`Not signed in: ${answer.status()} ${await answer.text()}`);
  }

  /** Keeps what the page looks like, where somebody wants to look at it (`make screenshots`). */
  async shot(name: string, { full = false } = {}): Promise<void> {
    if (shotsDir === undefined) return;
    mkdirSync(shotsDir, { recursive: true });
    await this.#settled();
    const theme = await this.page.evaluate(`matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'`);
    await this.page.screenshot({ path: join(shotsDir, `${name}-${this.view}-${theme}.png`), fullPage: full });
  }

  /** What axe-core finds that is serious or critical, one line each. `within`: a selector. */
  async axe(within?: string): Promise<string[]> {
    if (!(await this.page.evaluate(`'axe' in globalThis`))) await this.page.evaluate(await axeSource());
    await this.#settled();
    const results = (await this.page.evaluate(
      `axe.run(${within === undefined ? 'document' : JSON.stringify(within)}, { resultTypes: ['violations'] })`,
    )) as AxeResults;
    return results.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`));
  }

  /**
   * Halfway between two colours there is no contrast, nor a picture to look at. What never ends is not waited for. One that
   * ends may begin another, and what a click opens begins its own with the next frame.
   */
  async #settled(): Promise<void> {
    await this.page.evaluate(`(async () => {
      for (let looks = 0; looks < 10; looks += 1) {
        for (let frames = 0; frames < 2; frames += 1) await new Promise((next) => requestAnimationFrame(next));
        const moving = document.getAnimations().filter(({ effect, playState }) =>
          playState === 'running' && Number.isFinite(effect?.getComputedTiming().endTime));
        if (moving.length === 0) return;
        await Promise.all(moving.map(({ finished }) => finished.catch(() => undefined)));
      }
    })()`);
  }

  /** Pixels by which the page is wider than its window: 0 for a page without sideways scroll. */
  overflow(): Promise<number> {
    return this.page.evaluate(
      'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)',
    );
  }

  /** What its pages complained of until now; tests expect none. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }
}

function contextOptions({ view = 'desktop', theme = 'light', reducedMotion, userAgent, trusting }: VisitOptions) {
  const agent = userAgent ?? (view === 'phone' ? androidAgent : undefined);
  return {
    ...views[view],
    colorScheme: theme,
    reducedMotion: reducedMotion === true ? 'reduce' : 'no-preference',
    locale: 'en-GB',
    ignoreHTTPSErrors: trusting === true,
    // Its scripts no browser takes from a certificate that was only clicked away.
    ...(trusting === true ? { serviceWorkers: 'block' as const } : {}),
    ...(agent === undefined ? {} : { userAgent: agent }),
  } as const;
}

let source: Promise<string> | undefined;
function axeSource(): Promise<string> {
  source ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  return source;
}

type HouseOptions = AppOptions & Readonly<{ claimed?: boolean; env?: Readonly<Record<string, string>> }>;

/** A box that Alice owns (or nobody yet) and visitors to it. Dispose it at the end: it checks every visitor's complaints. */
export class WebHouse {
  readonly app: App;
  readonly #browser: Browser;
  readonly #visitors: Visitor[] = [];

  private constructor(app: App, browser: Browser) {
    this.app = app;
    this.#browser = browser;
  }

  static async start({ claimed = true, env = {}, ...more }: HouseOptions = {}): Promise<WebHouse> {
    const missing = webMissing();
    if (missing !== undefined) throw new Error(`The web app cannot be tested: ${missing}.`);
    const app = claimed ? await App.startClaimed(env, more) : await App.start(env, more);
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
    return new WebHouse(app, browser);
  }

  get origin(): string {
    return `http://localhost:${this.app.httpPort}`;
  }

  async visit(options: VisitOptions = {}) {
    const { view = 'desktop' } = options;
    const context = await this.#browser.newContext(contextOptions(options));
    context.setDefaultTimeout(actionMsMax);
    const visitor = new Visitor(context, await context.newPage(), view, this.origin, options.mayAsk);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Every complaint of every visitor so far. */
  complaints(): string[] {
    return this.#visitors.flatMap(({ complaints }) => complaints);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.app[Symbol.asyncDispose]();
    const complaints = this.complaints();
    if (complaints.length > 0) throw new Error(`Pages complained:\n${complaints.join('\n')}`);
  }
}
