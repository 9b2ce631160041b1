import { ask, Refusal } from '../ask/ask.ts';
import type { Connector } from '../ask/connector.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { type SessionState, useSession } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { useOwnPhone } from '../ask/use-own-phone.ts';

/**
 * Whom this browser can connect an app for. `none`: it is no phone, and nobody is signed in; `silent`: the box does not
 * answer. This phone comes first, if it is one.
 */
export type Connectors =
  | Readonly<{ is: 'asking' }>
  | Readonly<{ is: 'none' }>
  | Readonly<{ is: 'silent' }>
  | Readonly<{ is: 'there'; person: string; connectors: readonly Connector[] }>;

export function useConnectors(): Connectors {
  const { state } = useSession();
  const phone = useOwnPhone();
  const { answer } = useAsk(() => lookFor(phone, state), [phone, state]);
  return answer ?? { is: 'asking' };
}

async function lookFor(phone: OwnPhone | null | undefined, state: SessionState): Promise<Connectors> {
  if (phone === undefined || state.is === 'unknown') return { is: 'asking' };
  const own = phone === null ? undefined : await alive(phone);
  if (own === 'silent') return { is: 'silent' };
  const here: Connector[] = own === undefined ? [] : [{ phone: own.phoneId, phoneName: own.phone, token: own.token }];
  if (state.is !== 'there' || state.current.stage !== 'open') {
    if (own !== undefined) return { is: 'there', person: own.person, connectors: here };
    return { is: state.is === 'silent' ? 'silent' : 'none' };
  }
  const { person } = state.current;
  try {
    const { phones } = await ask('GET /api/phones');
    const others = phones.filter(({ id, personId }) => personId === person.id && id !== own?.phoneId);
    const connectors = [...here, ...others.map(({ id, name }) => ({ phone: id, phoneName: name }))];
    return { is: 'there', person: own?.person ?? person.name, connectors };
  } catch (error) {
    if (own !== undefined) return { is: 'there', person: own.person, connectors: here };
    return { is: error instanceof Refusal && error.status === 401 ? 'none' : 'silent' };
  }
}

/** A phone that was taken off the box speaks for nobody, whatever its browser still keeps. */
async function alive(phone: OwnPhone): Promise<OwnPhone | 'silent' | undefined> {
  try {
    const { name } = await ask('GET /api/phone', { token: phone.token });
    return { ...phone, phone: name };
  } catch (error) {
    return error instanceof Refusal && error.status === 401 ? undefined : 'silent';
  }
}
