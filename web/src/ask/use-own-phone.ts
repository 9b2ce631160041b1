import { useEffect, useState } from 'preact/hooks';
import { type OwnPhone, ownPhone } from './own-phone.ts';
import { whenPhoneChanges } from './phone-mark.ts';

/** The phone that this browser is; null: none; undefined: it is being looked up. */
export function useOwnPhone(): OwnPhone | null | undefined {
  const [phone, setPhone] = useState<OwnPhone | null>();
  useEffect(() => {
    let shown = true;
    const look = () =>
      void ownPhone()
        .catch(() => undefined)
        .then((found) => shown && setPhone(found ?? null));
    look();
    const stop = whenPhoneChanges(look);
    return () => {
      shown = false;
      stop();
    };
  }, []);
  return phone;
}
