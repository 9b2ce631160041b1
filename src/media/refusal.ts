/** Why there is no picture of a file: thrown while decoding, answered by the worker, shown to a person. */
import type { RefusalCode } from './protocol.ts';

export class Refusal extends Error {
  readonly code: RefusalCode;
  /** Of a video whose poster failed. */
  readonly durationMs: number | null;

  /** `reason`: whole sentences, for a person. */
  constructor(code: RefusalCode, reason: string, options: { cause?: unknown; durationMs?: number | null } = {}) {
    super(reason, { cause: options.cause });
    this.code = code;
    this.durationMs = options.durationMs ?? null;
  }
}

export function damaged(cause?: unknown): Refusal {
  return new Refusal('damaged', 'The file is damaged or cut short, so it cannot be shown. It is kept as it is.', {
    cause,
  });
}

export function unsupported(what: string): Refusal {
  return new Refusal('unsupported', `The box cannot show ${what}. The file is kept as it is.`);
}

/** `pixels` of how many this box would take. */
export function tooManyPixels(pixels: number, pixelsMax: number): Refusal {
  const mega = (count: number) => Math.max(1, Math.round(count / 1e6)).toLocaleString('en');
  return new Refusal(
    'too-large',
    `The picture has ${mega(pixels)} megapixels, and a box of this size can show up to ${mega(pixelsMax)} of its kind. ` +
      'The file is kept as it is.',
  );
}
