/**
 * Owns the daemon's side of the box's privileged helper: one connection, one JSON line and one answer for each thing asked.
 * Never decides whether something may be done: who asks does, and the helper looks at the request again. Keeps nothing.
 * Whoever in this room restarts, resets, updates or connects the box may call it.
 */
import { CodedError, type ErrorCode } from '../platform/errors.ts';
import { ExchangeFailed, exchange, saidOf } from '../platform/line-exchange.ts';
import { isOf, Type } from '../platform/schema.ts';
import { type BoxAnswer, type BoxRefusal, type BoxRequest, type BoxVerb, boxAnswers } from './box-protocol.ts';

const seconds = 1_000;
const minutes = 60 * seconds;
/** Longer than the helper's own limits: it says more of what went wrong. */
const limitsMs: { readonly [Verb in BoxVerb]: number } = {
  restart: minutes,
  'power-off': minutes,
  'factory-reset': minutes,
  network: 2 * minutes,
  'wifi-join': 10 * minutes,
  'wifi-forget': 2 * minutes,
  'ssh-status': 20 * seconds,
  ssh: 2 * minutes,
  outbound: minutes,
  clock: 30 * seconds,
  'update-status': minutes,
  'update-install': minutes,
  'update-restart': minutes,
};

const codes: { readonly [Code in BoxRefusal]: ErrorCode } = {
  'not-allowed': 'command-failed',
  'invalid-request': 'invalid-request',
  unsuitable: 'conflict',
  busy: 'busy',
  'program-missing': 'command-missing',
  failed: 'command-failed',
  timeout: 'command-failed',
};
const Refused = Type.Object({
  ok: Type.Literal(false),
  code: Type.String({ maxLength: 32 }),
  message: Type.String({ maxLength: 1_000 }),
});

export class BoxHelper {
  readonly #socketPath: string | undefined;
  readonly #closed = new AbortController();

  /** `socketPath` undefined: this machine has none, and everything that is asked is refused. */
  constructor({ socketPath }: { socketPath: string | undefined }) {
    this.#socketPath = socketPath;
  }

  /** Whether the box stands on a device of its own. */
  get there(): boolean {
    return this.#socketPath !== undefined;
  }

  /** @throws {CodedError} `not-this-machine` */
  require(): void {
    if (!this.there) throw notThisMachine();
  }

  /** Waits for no answer any more: the helper ends what it does by itself. */
  close(): void {
    this.#closed.abort();
  }

  /**
   * @throws {CodedError} `not-this-machine` where there is no helper; as the helper refused, with `refusal` (its own word)
   * among the facts; `command-missing` when it does not run; `command-failed` when it ended without an answer
   */
  async ask<Verb extends BoxVerb>(request: BoxRequest & { verb: Verb }): Promise<BoxAnswer<Verb>> {
    if (this.#socketPath === undefined) throw notThisMachine();
    const reply = await exchange({
      socketPath: this.#socketPath,
      request,
      limitMs: limitsMs[request.verb],
      signal: this.#closed.signal,
    }).catch((error: unknown) => {
      throw error instanceof ExchangeFailed ? broken(error) : error;
    });
    if (isOf(Refused, reply)) throw refusal(reply.code, reply.message);
    if (isOf(boxAnswers[request.verb], reply)) return reply as BoxAnswer<Verb>;
    throw failed('gave an answer of another form');
  }
}

function notThisMachine(): CodedError {
  const message =
    'Nightjar is not on a device of its own here: networks, restarts and resets are for this machine’s own system.';
  return new CodedError('not-this-machine', `${message} Nothing was changed.`);
}

function refusal(code: string, message: string): CodedError {
  const known = Object.hasOwn(codes, code) ? codes[code as BoxRefusal] : 'command-failed';
  return new CodedError(known, message, { facts: { refusal: code } });
}

function broken({ how, limitMs, cause }: ExchangeFailed): CodedError {
  if (how !== 'unreachable') return failed(saidOf(how, limitMs), cause);
  const message = 'The box’s helper does not run. Nothing was done; a restart by the plug starts it again.';
  return new CodedError('command-missing', message, { cause });
}

function failed(what: string, cause?: unknown): CodedError {
  const message = `The box’s helper ${what}. It may have been done all the same: look before you ask again.`;
  return new CodedError('command-failed', message, { cause });
}
