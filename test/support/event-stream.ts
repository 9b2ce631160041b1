/** Reads server-sent events as a browser does (WHATWG HTML, section 9.2.6), and shows all that came. */
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Question } from './asking.ts';

export type SeenEvent = Readonly<{ id: string; type: string; data: Record<string, unknown> }>;

export class EventStream {
  readonly events: SeenEvent[] = [];
  status = 0;
  headers: IncomingHttpHeaders = {};
  retryMs: number | undefined;
  comments = 0;
  /** What came instead of a stream. */
  text = '';
  /** How it ended: by the box, or cut off. */
  ended: 'whole' | 'cut' | undefined;
  readonly #request: ClientRequest;
  #rest = '';
  #lastId = '';
  #field = { id: '', type: '', data: '' };

  private constructor(asked: ClientRequest) {
    this.#request = asked;
  }

  /** Resolves with the first byte of the answer's body, or its end. */
  static async open({ tls, ...options }: Question): Promise<EventStream> {
    const all = { host: '127.0.0.1', agent: false as const, path: '/api/events', ...options };
    const asked = tls === undefined ? httpRequest(all) : httpsRequest({ ...all, ...tls });
    const stream = new EventStream(asked);
    const begun = Promise.withResolvers<void>();
    asked.on('error', (error) => {
      stream.ended ??= 'cut';
      begun.reject(error);
    });
    asked.on('response', (response) => stream.#read(response, begun.resolve));
    asked.end();
    await begun.promise;
    return stream;
  }

  get lastId(): string {
    return this.#lastId;
  }

  of(type: string): SeenEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Goes away, as a phone that loses its network does. */
  cut(): void {
    this.#request.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
  }

  #read(response: IncomingMessage, begun: () => void): void {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    const isStream = response.headers['content-type'] === 'text/event-stream';
    response.setEncoding('utf8').on('data', (text: string) => {
      if (isStream) this.#take(text);
      else this.text += text;
      begun();
    });
    response.on('error', () => undefined);
    response.once('close', () => {
      this.ended ??= response.complete ? 'whole' : 'cut';
      begun();
    });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (line === '') this.#dispatch();
    else if (name === '') this.comments++;
    else if (name === 'id') this.#field.id = value;
    else if (name === 'retry') this.retryMs = Number(value);
    else if (name === 'event') this.#field.type = value;
    else if (name === 'data') this.#field.data += value;
  }

  #dispatch(): void {
    const { id, type, data } = this.#field;
    this.#field = { id, type: '', data: '' };
    // Only now: what was cut off before its end did not come.
    this.#lastId = id;
    if (data !== '') this.events.push({ id: this.#lastId, type, data: JSON.parse(data) as Record<string, unknown> });
  }
}
