import type { Facts, Need } from '../facts.ts';
import { disksThatAre } from './disk-verdicts.ts';

export function diskReplaceSoon(facts: Facts): Need[] {
  return disksThatAre('replace-soon', facts).map((params) => ({
    code: 'disk-replace-soon',
    severity: 'watch',
    params,
  }));
}
