import { expect, it } from 'vitest';
import { areVersions, isOlder as onDevice } from '../../system/usr/lib/nightjar/boot-slots/versions.mts';
import { isOlder } from './versions.ts';

it('orders versions as their numbers say, here and in the programs that install', () => {
  const inOrder = ['0.1.0-rc.2', '0.1.0-rc.10', '0.1.0', '0.1.9', '0.1.10', '0.2.0', '1.0.0', '10.0.0'];
  for (const older of [isOlder, onDevice]) {
    for (const [index, one] of inOrder.entries()) {
      for (const [at, other] of inOrder.entries()) expect(older(one, other), `${one} ${other}`).toBe(index < at);
    }
    // Of what is no version nobody can say.
    for (const odd of ['', 'unknown', '1.2', '1.2.3.4', '9999999.0.0'])
      expect([older(odd, '1.0.0'), older('1.0.0', odd)], odd).toEqual([false, false]);
    for (const odd of ['', 'unknown', '0.9', '1.2.3.4']) expect(areVersions('1.0.0', odd), odd).toBe(false);
    expect(areVersions(...inOrder)).toBe(true);
  }
});
