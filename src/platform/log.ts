/**
 * Owns the log: JSON lines, one per event.
 * Never writes a credential, a header or the part of a link after `?` or `#`, whoever logs it.
 * Any room may call it; each gets it by constructor argument.
 */
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

const hidden = '[hidden]';
const secretKeys = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'cookies',
  'set-cookie',
  'password',
  'passphrase',
  'token',
  'secret',
  'code',
  'credential',
  'headers',
  'rawHeaders',
];
/** Redacted whatever their type down to here; text under these keys is hidden at every depth. */
const redactedDepth = 4;
const causesMax = 4;

/** @param options.level one of pino's levels, or `silent`. @param options.destination default: standard output. */
export function createLog(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths(), censor: hidden },
      serializers: { err: describeError, error: describeError, req: describeRequest, res: describeReply },
      hooks: { streamWrite: hideSecrets },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

function redactedPaths(): string[] {
  const paths: string[] = [];
  for (const key of secretKeys) {
    const last = /^[a-zA-Z]+$/.test(key) ? key : undefined;
    for (let depth = 0; depth < redactedDepth; depth += 1) {
      const before = Array(depth).fill('*').join('.');
      if (last === undefined) paths.push(`${before}["${key}"]`);
      else paths.push(depth === 0 ? last : `${before}.${last}`);
    }
  }
  return paths;
}

const secretText = new RegExp(`"(${secretKeys.join('|')})":"(?:[^"\\\\]|\\\\.)*"`, 'gi');

/**
 * The last look at a finished line: what is deeper than redaction reaches, and what hides inside a text (a link in an
 * error's message, a header that somebody printed).
 */
function hideSecrets(line: string): string {
  return line
    .replace(secretText, `"$1":"${hidden}"`)
    .replace(/\b(Bearer|Basic)\s+[^\s"\\,]+/gi, `$1 ${hidden}`)
    .replace(/(__Host-nightjar|nightjar-loopback)=[^\s";\\]+/gi, `$1=${hidden}`)
    .replace(/(https?:\/\/[^\s"\\?#]*|\/pair)[?#][^\s"\\]*/gi, `$1?${hidden}`);
}

/** Only what helps: an error's own further members may hold anything. Its `code` is told as `reason`. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error).slice(0, 1_000);
  const reason = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(reason === undefined ? {} : { reason }),
    stack: error.stack,
    ...(error.cause === undefined || depth >= causesMax ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

function describeRequest(request: unknown): unknown {
  if (typeof request !== 'object' || request === null) return undefined;
  const { method, url } = request as { method?: unknown; url?: unknown };
  return { method, path: typeof url === 'string' ? url.split(/[?#]/, 1)[0]?.slice(0, 200) : undefined };
}

function describeReply(reply: unknown): unknown {
  return typeof reply === 'object' && reply !== null && 'statusCode' in reply
    ? { status: reply.statusCode }
    : undefined;
}
