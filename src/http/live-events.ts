/**
 * Owns the one stream of server-sent events (WHATWG HTML, section 9.2): who listens, what each may hear, what they
 * missed. Never writes anything down, and never tells a person of another's library.
 * The composition root makes one and gives its `tell` to the rooms.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodedError } from '../platform/errors.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';
import type { AccessCallers, Caller } from './caller.ts';
import { type Contract, implement, type Routes } from './contract.ts';
import { type Audience, EventMemory, isFor, type Viewer } from './event-memory.ts';

const liveLimits = {
  /** Of one session or one phone; one more ends the oldest of them. */
  streamsPerClientMax: 4,
  streamsMax: 64,
  eventsMax: 2_000,
  bytesMax: 1024 * 1024,
  heartbeatMs: 15_000,
  /** A reader that took nothing between so many heartbeats is given up; it comes back by its last id. */
  stalledBeatsMax: 2,
  /** Before an event goes out, who listens is asked anew, at most this often. */
  recheckMs: 1_000,
};
export type LiveLimits = Readonly<typeof liveLimits>;

/** When a client that lost its stream comes back. */
const retryMs = 3_000;
/**
 * The id that the last event of a replaced stream gives. A browser comes back by itself with the last id that it was
 * given, and would replace another page's stream, and that page the next, without end: who comes with this one is
 * answered 204, which ends it (section 9.2.3). A page that wants its stream again opens a new one.
 */
const replacedId = 'replaced';

/** What the stream says of itself. */
const StreamEvent = Type.Union([
  Type.Object({ type: Type.Literal('hello') }, { description: 'first, without an id: load your state now' }),
  Type.Object({ type: Type.Literal('reset') }, { description: 'events were missed that are gone: load anew' }),
  Type.Object(
    { type: Type.Literal('replaced'), after: Type.String({ description: 'the last id, for `?after=`' }) },
    { description: 'last: this client opened too many streams, and this was its oldest' },
  ),
]);
type StreamEvent = Static<typeof StreamEvent>;

/** The stream's contract, with the union of what the rooms tell. */
export function liveEventsContract<const Schema extends TSchema>(event: Schema) {
  return {
    liveEvents: {
      method: 'GET',
      path: '/api/events',
      access: 'phone-or-person',
      summary:
        'What changes, as it changes: server-sent events, resumed by Last-Event-ID; `data` is this schema as JSON',
      query: Type.Object({
        after: Type.Optional(Type.String({ maxLength: 64, description: 'as Last-Event-ID, which counts before it' })),
      }),
      status: 200,
      reply: Type.Union([event, StreamEvent]),
      replyType: 'text/event-stream',
      raw: true,
    },
  } as const satisfies Contract;
}

export type LiveEventsDeps = Readonly<{
  contract: ReturnType<typeof liveEventsContract>;
  /** Asked again while a stream is open: it ends with its session or its phone's credential. */
  identify(request: FastifyRequest): Caller;
  now: () => number;
  randomBytes: (size: number) => Buffer;
  limits?: Partial<LiveLimits>;
}>;

type Listener = {
  readonly request: FastifyRequest;
  readonly response: ServerResponse;
  readonly client: string;
  viewer: Viewer;
  /** Everything up to here that is for the viewer was written. */
  sent: number;
  /** Its socket takes no more: what comes now waits in the memory, not in buffers of its own. */
  blocked: boolean;
  blockedBeats: number;
  checkedAt: number;
};
type Admitted = AccessCallers['phone-or-person'];

export class LiveEvents<Event extends { type: string }> {
  readonly #deps: LiveEventsDeps;
  readonly #limits: LiveLimits;
  readonly #memory: EventMemory;
  /** Of this start of the box: ids of another mean nothing now. */
  readonly #epoch: string;
  /** The oldest first. */
  readonly #listeners = new Set<Listener>();
  #heart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: LiveEventsDeps) {
    this.#deps = deps;
    this.#limits = { ...liveLimits, ...deps.limits };
    this.#memory = new EventMemory(this.#limits);
    this.#epoch = deps.randomBytes(8).toString('hex');
  }

  /** How many streams are open. */
  get open(): number {
    return this.#listeners.size;
  }

  /**
   * Tells whoever listens, and keeps it for those who come back. Of events with the same `latestOf` only the newest is
   * kept. Synchronous and cheap; call it after the change is committed. Never throws.
   */
  tell(audience: Audience, event: Event, { latestOf }: { latestOf?: string } = {}): void {
    if (this.#closed) return;
    const told = this.#memory.add(audience, (seq) => frame(this.#id(seq), event), latestOf);
    for (const listener of this.#listeners) {
      if (listener.blocked) continue;
      if (isFor(listener.viewer, audience) && this.#mayListen(listener, this.#limits.recheckMs)) {
        // Its role may have just changed.
        if (isFor(listener.viewer, audience)) this.#write(listener, told.text);
      }
      listener.sent = told.seq;
    }
  }

  routes(): Routes {
    return implement(this.#deps.contract, {
      liveEvents: async ({ caller, query, request }, reply) => {
        const after = request.headers['last-event-id'] ?? query.after;
        if (after === replacedId) reply.code(204).send();
        else this.#listen(caller, request, reply, after);
      },
    });
  }

  /** Ends every stream, so that none holds a stop. Their clients come back by themselves. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) this.#end(listener);
  }

  /** @throws {CodedError} `busy`, `stopping`. */
  #listen(caller: Admitted, request: FastifyRequest, reply: FastifyReply, after: string | string[] | undefined): void {
    if (this.#closed) throw new CodedError('stopping', 'The box is stopping. Try again in a moment.');
    const client = clientOf(caller);
    this.#makeRoom(client);
    reply.hijack();
    const response = reply.raw;
    // Gone while it was asked who it is: nobody would ever take it off the list.
    if (response.destroyed) return;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx and those who do as it does would keep events back until they make a block.
      'x-accel-buffering': 'no',
    });
    const listener: Listener = {
      request,
      response,
      client,
      viewer: viewerOf(caller),
      sent: this.#memory.seq,
      blocked: false,
      blockedBeats: 0,
      checkedAt: this.#deps.now(),
    };
    response.on('error', () => undefined);
    response.once('close', () => this.#forget(listener));
    this.#listeners.add(listener);
    this.#heart ??= setInterval(() => this.#beat(), this.#limits.heartbeatMs).unref();
    this.#begin(listener, after);
  }

  /** Without an id it begins now; with one, where that was. */
  #begin(listener: Listener, after: string | string[] | undefined): void {
    const seq = after === undefined ? undefined : this.#seqOf(after);
    // Section 9.2.6: each connection begins without a last id, and the first empty line makes that the source's own.
    this.#write(listener, `retry: ${retryMs}\n${seq === undefined ? '' : `id: ${after}\n`}\n`);
    if (after === undefined) {
      this.#write(listener, frame(this.#id(this.#memory.seq), { type: 'hello' }));
      return;
    }
    listener.sent = seq ?? -1;
    this.#catchUp(listener);
  }

  /** Room for one more stream of `client`. @throws {CodedError} `busy`. */
  #makeRoom(client: string): void {
    const own = [...this.#listeners].filter((listener) => listener.client === client);
    const [oldest] = own;
    if (oldest !== undefined && own.length >= this.#limits.streamsPerClientMax) {
      const event = { type: 'replaced', after: this.#id(oldest.sent) } as const satisfies StreamEvent;
      this.#end(oldest, frame(replacedId, event));
    }
    if (this.#listeners.size < this.#limits.streamsMax) return;
    throw new CodedError('busy', 'Too many pages and phones are watching this box. Close some, or try again later.');
  }

  /** Writes what was told since `sent`, as far as the socket takes it; the rest follows when it takes more. */
  #catchUp(listener: Listener): void {
    if (!this.#memory.isWholeSince(listener.sent, listener.viewer)) {
      listener.sent = this.#memory.seq;
      this.#write(listener, frame(this.#id(listener.sent), { type: 'reset' }));
      return;
    }
    for (const { seq, text } of this.#memory.since(listener.sent, listener.viewer)) {
      if (listener.blocked) return;
      listener.sent = seq;
      this.#write(listener, text);
    }
  }

  #write(listener: Listener, text: string): void {
    if (listener.response.write(text) || listener.blocked) return;
    listener.blocked = true;
    listener.response.once('drain', () => {
      listener.blocked = false;
      listener.blockedBeats = 0;
      if (this.#listeners.has(listener) && this.#mayListen(listener, 0)) this.#catchUp(listener);
    });
  }

  /** Keeps what is idle open, and finds out who is gone. */
  #beat(): void {
    for (const listener of this.#listeners) {
      if (!this.#mayListen(listener, 0)) continue;
      if (!listener.blocked) this.#write(listener, ':\n\n');
      else if (++listener.blockedBeats >= this.#limits.stalledBeatsMax) this.#end(listener);
    }
  }

  /** Whether it is still the same person's, unless that was asked less than `maxAgeMs` ago; ends it when not. */
  #mayListen(listener: Listener, maxAgeMs: number): boolean {
    const now = this.#deps.now();
    if (Math.abs(now - listener.checkedAt) < maxAgeMs) return true;
    listener.checkedAt = now;
    const caller = this.#callerOf(listener);
    if (caller === undefined || clientOf(caller) !== listener.client) {
      this.#end(listener);
      return false;
    }
    listener.viewer = viewerOf(caller);
    return true;
  }

  #callerOf({ request }: Listener): Admitted | undefined {
    try {
      const caller = this.#deps.identify(request);
      return caller.kind === 'phone' || caller.kind === 'person' ? caller : undefined;
    } catch {
      // Who cannot be known may not listen; whoever told the event must not fail by it.
      return undefined;
    }
  }

  #end(listener: Listener, last?: string): void {
    this.#forget(listener);
    // What a reader does not take would keep the end from coming.
    if (listener.blocked) listener.response.destroy();
    else listener.response.end(last);
  }

  #forget(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#heart);
    this.#heart = undefined;
  }

  #id(seq: number): string {
    return `${this.#epoch}-${seq}`;
  }

  /** Undefined for an id that this start of the box did not give. */
  #seqOf(id: string | string[]): number | undefined {
    const [, epoch, seq] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(String(id)) ?? [];
    return epoch === this.#epoch ? Number(seq) : undefined;
  }
}

/** JSON has no line end of its own, so the data is always one line. */
function frame(id: string, event: { type: string }): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function clientOf(caller: Admitted): string {
  return caller.kind === 'phone' ? `phone ${caller.phoneId}` : `session ${caller.sessionId}`;
}

function viewerOf(caller: Admitted): Viewer {
  return { personId: caller.personId, owner: caller.kind === 'person' && caller.role === 'owner' };
}
