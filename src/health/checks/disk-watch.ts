import type { Facts, Need } from '../facts.ts';
import { disksThatAre } from './disk-verdicts.ts';

export function diskWatch(facts: Facts): Need[] {
  return disksThatAre('watch', facts).map((params) => ({ code: 'disk-watch', severity: 'watch', params }));
}
