/**
 * Owns the daemon's side of the privileged helper: one connection, one JSON line and one answer for each thing asked.
 * Never decides whether a disk may be touched: the helper does, and does not trust it. Keeps nothing.
 * Whoever in this room attaches, watches or lets go of disks may call it.
 */
import { CodedError, type ErrorCode } from '../platform/errors.ts';
import { ExchangeFailed, exchange, saidOf } from '../platform/line-exchange.ts';
import { isOf, Type } from '../platform/schema.ts';
import {
  answers,
  type DiskKey,
  type HelperAnswer,
  type HelperDisk,
  type HelperRequest,
  type HelperVerb,
  type Refusal,
  type SmartctlType,
  type VolumeKey,
} from './helper-protocol.ts';

export const helperSocketPath = '/run/nightjar/disk-helper.sock';

const minutes = 60_000;
/** Longer than the helper's own limits: it says more of what went wrong. */
const limitsMs: { readonly [Verb in HelperVerb]: number } = {
  list: 5 * minutes,
  mount: 10 * minutes,
  unmount: 90 * minutes,
  format: 120 * minutes,
  check: 9 * 60 * minutes,
  smart: 3 * minutes,
  'self-test': 3 * minutes,
  'power-off': 120 * minutes,
};

const codes: { readonly [Code in Refusal]: ErrorCode } = {
  'not-allowed': 'command-failed',
  'invalid-request': 'invalid-request',
  'no-such-disk': 'not-found',
  changed: 'precondition-failed',
  'system-disk': 'conflict',
  'in-use': 'conflict',
  unsuitable: 'conflict',
  'wrong-confirmation': 'invalid-request',
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

/**
 * Every verb @throws {CodedError} as the helper refused, with `refusal` (its own word) among the facts; `command-missing`
 * where no helper is installed; `command-failed` when it ended without an answer.
 */
export class DiskHelper {
  readonly #socketPath: string;
  readonly #closed = new AbortController();

  constructor({ socketPath }: { socketPath: string }) {
    this.#socketPath = socketPath;
  }

  /** Waits for no answer any more: the helper ends what it does by itself. */
  close(): void {
    this.#closed.abort();
  }

  /** Every disk of the machine. Reads the free ones, which may wake them: asked when one appears, not on a timer. */
  async list(): Promise<HelperDisk[]> {
    return (await this.#ask({ verb: 'list' })).disks;
  }

  async mount(disk: DiskKey, volume: VolumeKey, mode: 'use' | 'look'): Promise<HelperAnswer<'mount'>> {
    return await this.#ask({ verb: 'mount', disk, volume, mode });
  }

  async unmount(folder: string): Promise<HelperAnswer<'unmount'>> {
    return await this.#ask({ verb: 'unmount', folder });
  }

  /** Erases the disk; `confirm` is its printed name as a person typed it. Mounts nothing. */
  async format(
    disk: DiskKey,
    wanted: { filesystem: 'ext4' | 'exfat'; label: string; confirm: string },
  ): Promise<HelperAnswer<'format'>> {
    const { filesystem, label, confirm } = wanted;
    return await this.#ask({ verb: 'format', disk, filesystem, label, confirm });
  }

  async check(disk: DiskKey, volume: VolumeKey, options: { repair: boolean }): Promise<HelperAnswer<'check'>> {
    return await this.#ask({ verb: 'check', disk, volume, repair: options.repair });
  }

  async smart(disk: DiskKey, type: SmartctlType, options: { wake: boolean }): Promise<HelperAnswer<'smart'>> {
    return await this.#ask({ verb: 'smart', disk, type, wake: options.wake });
  }

  async selfTest(
    disk: DiskKey,
    type: SmartctlType,
    test: 'short' | 'long' | 'abort',
  ): Promise<HelperAnswer<'self-test'>> {
    return await this.#ask({ verb: 'self-test', disk, type, test });
  }

  async powerOff(disk: DiskKey): Promise<HelperAnswer<'power-off'>> {
    return await this.#ask({ verb: 'power-off', disk });
  }

  async #ask<Verb extends HelperVerb>(request: HelperRequest & { verb: Verb }): Promise<HelperAnswer<Verb>> {
    const reply = await exchange({
      socketPath: this.#socketPath,
      request: exact(request),
      limitMs: limitsMs[request.verb],
      signal: this.#closed.signal,
    }).catch((error: unknown) => {
      throw error instanceof ExchangeFailed ? broken(error) : error;
    });
    if (isOf(Refused, reply)) throw refusal(reply.code, reply.message);
    if (isOf(answers[request.verb], reply)) return reply as HelperAnswer<Verb>;
    throw failed('gave an answer of another form');
  }
}

/** A listed disk or volume may be given whole; the helper takes no member that it did not ask for. */
function exact(request: HelperRequest): Record<string, unknown> {
  const out: Record<string, unknown> = { ...request };
  if ('disk' in request) {
    const { name, serial, sizeBytes, diskseq } = request.disk;
    out['disk'] = { name, serial, sizeBytes, diskseq };
  }
  if ('volume' in request) out['volume'] = { name: request.volume.name, uuid: request.volume.uuid };
  return out;
}

function refusal(code: string, message: string): CodedError {
  const known = Object.hasOwn(codes, code) ? codes[code as Refusal] : 'command-failed';
  return new CodedError(known, message, { facts: { refusal: code } });
}

function broken({ how, limitMs, cause }: ExchangeFailed): CodedError {
  if (how === 'unreachable') {
    const message =
      'This box has no disk helper: disks cannot be attached, erased or watched from here. Nothing was done.';
    return new CodedError('command-missing', message, { cause });
  }
  return failed(saidOf(how, limitMs), cause);
}

function failed(what: string, cause?: unknown): CodedError {
  const message = `The disk helper ${what}. Look at the list of disks to see how far it came.`;
  return new CodedError('command-failed', message, { cause });
}
