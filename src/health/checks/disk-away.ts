import { systemCode } from '../../platform/errors.ts';
import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** The library is not open: its disk is missing, another one, or there and of no use. */
export function diskAway({ library, problem }: Facts): Alert[] {
  if (library !== 'missing') return [];
  return [{ code: codeOf(problem), severity: 'act', params: {} }];
}

function codeOf(problem: Facts['problem']): Alert['code'] {
  if (problem?.code === 'disk-foreign') return 'disk-foreign';
  // What the system said is behind what people are told of it.
  const causes: unknown[] = [];
  for (let cause: unknown = problem?.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    causes.push(cause);
  }
  if (causes.length === 0) return 'disk-missing';
  const readOnly = causes.some((cause) => /^(EROFS|SQLITE_READONLY)/.test(systemCode(cause) ?? ''));
  return readOnly ? 'disk-read-only' : 'disk-failing';
}
