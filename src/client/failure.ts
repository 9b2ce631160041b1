/**
 * The client's errors. Owns: what can go wrong, and which of it ends the run, an item, or one attempt.
 * Never: prints or retries. For every file of the client; it shares no code with the box.
 */

/** With this code the box refuses what its owner deleted there: it stays deleted, and nothing is wrong. */
export const deletedCode = 'deleted';

/** 0 all safe; 1 something waits, or the run failed; 2 wrong use; 3 no valid pairing; 4 something was refused. */
export const exitCodes = { fine: 0, waiting: 1, usage: 2, unpaired: 3, refused: 4 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the run. `message` is a sentence for a person; `code` is stable, for programs. */
export class Failure extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, exitCode: ExitCode = exitCodes.waiting) {
    super(message);
    this.name = 'Failure';
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** Ends one attempt: passes by itself (network, busy, stopping, full disk); what was sent so far is not lost. */
export class Trouble extends Error {
  readonly code: string;
  readonly retryAfterMs: number;
  /** Attempts without progress after which this one file is left for the next run, so that others get its place. */
  readonly attemptsMax: number;

  constructor(code: string, message: string, retryAfterMs = 0, attemptsMax = Number.POSITIVE_INFINITY) {
    super(message);
    this.name = 'Trouble';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.attemptsMax = attemptsMax;
  }
}

/** Ends one item: the box's final no, or a file that cannot be read here. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 0) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.status = status;
  }
}

/** Ends one item of this run: it stays waiting, and the next run tries it again. */
export class Waiting extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'Waiting';
    this.code = code;
  }
}

export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Names come from file systems and from the network: control characters must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
