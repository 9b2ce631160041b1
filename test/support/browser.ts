/** A browser on loopback http: keeps the cookies that the box sets, and nothing else. */
import type { App } from './app.ts';
import type { Answer } from './asking.ts';

export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #app: App;
  readonly #userAgent: string;

  constructor(app: App, userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0') {
    this.#app = app;
    this.#userAgent = userAgent;
  }

  /** What it holds as its session. */
  get session(): string | undefined {
    return this.cookies.get('nightjar-loopback');
  }

  /** Another window of the same browser, with the same cookies as of now. */
  copy(): Browser {
    const other = new Browser(this.#app, this.#userAgent);
    for (const [name, value] of this.cookies) other.cookies.set(name, value);
    return other;
  }

  async ask(method: string, path: string, value?: unknown): Promise<Answer> {
    const answer = await this.#app.ask(method, path, this.headers(), value);
    for (const cookie of answer.headers['set-cookie'] ?? []) {
      const [, name = '', kept = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (kept === '') this.cookies.delete(name);
      else this.cookies.set(name, kept);
    }
    return answer;
  }

  headers(): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return { 'user-agent': this.#userAgent, ...(cookie === '' ? {} : { cookie }) };
  }

  signIn(person: string, password: string): Promise<Answer> {
    return this.ask('POST', '/api/sessions', { person, password });
  }

  /** Of the session that it holds. */
  async current(): Promise<Record<string, unknown>> {
    return (await this.ask('GET', '/api/sessions/current')).json();
  }
}
