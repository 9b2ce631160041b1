import type { Facts, Need } from '../facts.ts';
import { disksThatAre } from './disk-verdicts.ts';

export function diskReplaceNow(facts: Facts): Need[] {
  return disksThatAre('failing', facts).map((params) => ({ code: 'disk-replace-now', severity: 'act', params }));
}
