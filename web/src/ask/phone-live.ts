/**
 * Owns the phone's own event stream, for a browser in which nobody is signed in. An `EventSource` sends no bearer token,
 * so it is read by hand (WHATWG HTML, section 9.2); what is missed while it is away is loaded anew when it is back.
 */
import type { LiveEvent } from '../../../src/api.ts';

type Told = LiveEvent | { type: 'hello' } | { type: 'reset' } | { type: 'replaced' };
export type PhoneListener = Readonly<{
  onEvent: (event: Told) => void;
  /** The stream came, or went. */
  onState?: (open: boolean) => void;
  /** The box does not know the phone any more. */
  onRefused: () => void;
}>;

const retryMsFirst = 1_000;
const retryMsMax = 30_000;
/** A stream whose heartbeats (every 15 s) stay away is dead. */
const silentMsMax = 45_000;
/** A page that nobody looks at lets go of its stream. */
const hiddenMsMax = 5 * 60_000;
const lineLengthMax = 64 * 1024;

/** Listens until the returned function is called. */
export function listenAsPhone(token: string, listener: PhoneListener): () => void {
  const stream = new PhoneStream(token, listener);
  stream.run();
  return () => stream.close();
}

class PhoneStream {
  readonly #token: string;
  readonly #listener: PhoneListener;
  #retryMs = retryMsFirst;
  #current: AbortController | undefined;
  #running = false;
  #stopped = false;
  #hiddenTimer: number | undefined;

  constructor(token: string, listener: PhoneListener) {
    this.#token = token;
    this.#listener = listener;
    document.addEventListener('visibilitychange', this.#onVisibility);
  }

  run(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#loop().finally(() => {
      this.#running = false;
    });
  }

  close(): void {
    this.#stopped = true;
    window.clearTimeout(this.#hiddenTimer);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#current?.abort();
  }

  readonly #onVisibility = () => {
    window.clearTimeout(this.#hiddenTimer);
    if (document.hidden) this.#hiddenTimer = window.setTimeout(() => this.#current?.abort(), hiddenMsMax);
    else {
      this.#retryMs = retryMsFirst;
      this.run();
    }
  };

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      await this.#read();
      if (this.#stopped || document.hidden) return;
      const waitMs = this.#retryMs;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      this.#retryMs = Math.min(waitMs * 2, retryMsMax);
    }
  }

  async #read(): Promise<void> {
    const ending = new AbortController();
    this.#current = ending;
    let silence = window.setTimeout(() => ending.abort(), silentMsMax);
    try {
      const reply = await fetch('/api/events', {
        headers: { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream' },
        cache: 'no-store',
        credentials: 'omit',
        signal: ending.signal,
      });
      if (reply.status === 401) {
        this.#stopped = true;
        this.#listener.onRefused();
      }
      if (!reply.ok || reply.body === null) return;
      this.#listener.onState?.(true);
      this.#retryMs = retryMsFirst;
      for await (const line of lines(reply.body)) {
        window.clearTimeout(silence);
        silence = window.setTimeout(() => ending.abort(), silentMsMax);
        if (line.startsWith('data:')) this.#take(line.slice(5));
      }
    } catch {
      // Away: the loop comes back.
    } finally {
      window.clearTimeout(silence);
      this.#listener.onState?.(false);
    }
  }

  #take(data: string): void {
    let event: Told;
    try {
      event = JSON.parse(data) as Told;
    } catch {
      return;
    }
    // This phone has too many streams: the newest one is enough.
    if (event.type === 'replaced') this.#stopped = true;
    else this.#listener.onEvent(event);
  }
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split('\n');
    rest = (whole.pop() ?? '').slice(-lineLengthMax);
    // Heartbeats are comments: they count as life too.
    yield* whole;
  }
}
