/** Sends requests as one of the phones (or as nobody), and judges what every answer must be, whatever was asked. */
import type { Daemon, PairedPhone } from '../support/daemon.ts';
import { Broken, openUploads } from './mutations-model.ts';
import { type Mutation, mutate, untouched } from './mutations-steps.ts';
import { exchange, type Header, rawExchange, type WireAnswer, type WireRequest } from './mutations-wire.ts';

const busyTriesMax = 20;
const busyMs = 50;

export type AskingPhones = Readonly<{ own: PairedPhone; otherPhone: PairedPhone; otherPerson: PairedPhone }>;

export class Asker {
  readonly #daemon: Daemon;
  readonly #own: PairedPhone;
  readonly #credentials: Readonly<Record<string, string>>;
  /** How many requests had each answer; 0 is none. */
  readonly statuses = new Map<number, number>();

  constructor(daemon: Daemon, { own, otherPhone, otherPerson }: AskingPhones) {
    this.#daemon = daemon;
    this.#own = own;
    this.#credentials = {
      'other-phone': `Bearer ${otherPhone.token}`,
      'other-person': `Bearer ${otherPerson.token}`,
      'made-up': `Bearer ${'ab'.repeat(32)}`,
    };
  }

  /** @throws {Broken} */
  async send(it: Omit<WireRequest, 'framing'>, wire: Mutation): Promise<{ answer: WireAnswer; request: WireRequest }> {
    const credential = wire.credential === undefined ? `Bearer ${this.#own.token}` : this.#credentials[wire.credential];
    const headers: Header[] = [
      ['Host', 'localhost'],
      ...(credential === undefined ? [] : [['Authorization', credential] as const]),
      ...it.headers,
    ];
    const request: WireRequest = {
      method: wire.method ?? it.method,
      target: wire.target ?? it.target,
      headers: mutate(headers, wire.changes),
      body: it.body,
      framing: wire.framing,
    };
    const answer = await exchange(this.#port, request).catch((error: Error) => {
      throw new Broken(error.message);
    });
    this.#judge(answer, `${request.method} ${request.target.slice(0, 80)}`);
    return { answer, request };
  }

  async sendGarbage(bytes: Uint8Array): Promise<void> {
    const how = { odd: true, head: false, torn: false };
    this.#judge(await rawExchange(this.#port, Buffer.from(bytes), how), 'garbage');
  }

  /** Asks for an upload's offset as a phone does, waiting while another request still has it. */
  async offset(location: string): Promise<WireAnswer> {
    const headers: Header[] = [['Tus-Resumable', '1.0.0']];
    for (let tries = 0; tries < busyTriesMax; tries++) {
      const { answer } = await this.send(
        { method: 'HEAD', target: location, headers, body: Buffer.alloc(0) },
        untouched,
      );
      if (answer.status !== 423 && answer.status !== 503) return answer;
      await new Promise((resolve) => setTimeout(resolve, busyMs));
    }
    throw new Broken('an upload stays busy');
  }

  /** Ends what is still open: creations whose answer was never read left uploads that no model knows. */
  async abortAll(): Promise<void> {
    for (const id of openUploads(this.#daemon.diskDir, this.#own.phoneId)) {
      const headers = { 'tus-resumable': '1.0.0' };
      const { status } = await this.#daemon.ask('DELETE', `/api/uploads/${id}`, { token: this.#own.token, headers });
      if (status !== 204) throw new Broken(`the upload ${id} cannot be ended: ${status}`);
    }
  }

  get #port(): number {
    return Number(new URL(this.#daemon.url).port);
  }

  #judge({ status, body }: WireAnswer, what: string): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status >= 500 && status !== 503 && status !== 507) throw new Broken(`${what} was answered ${status} ${body}`);
    if (status < 0 || (status > 0 && status < 200)) throw new Broken(`${what} was answered with what is no answer`);
  }
}
