import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { keepStorage, makeApproverKey, type OwnPhone, putOwnPhone, useApproverKey } from '../ask/own-phone.ts';
import { usePerson, useSession } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';
import { Once } from './once.tsx';

/** A phone whose key or credential is lost says again which of its person's phones it is. Needs their session. */
export function Register({ phone }: { phone: OwnPhone | undefined }) {
  const { state } = useSession();
  if (state.is === 'there' && state.current.stage === 'open') return <Choose phone={phone} />;
  return (
    <Frame title={thisPhone.registerTitle} back>
      <p class="second measure">{thisPhone.registerFirst}</p>
      <div class="buttons">
        <LinkButton href="/sign-in?to=%2Fthis-phone%2Fregister">{thisPhone.signIn}</LinkButton>
      </div>
    </Frame>
  );
}

function Choose({ phone }: { phone: OwnPhone | undefined }) {
  const { route } = useLocation();
  const person = usePerson();
  const { answer, refusal } = useAsk(() => ask('GET /api/phones'));
  const [chosen, setChosen] = useState<string>();
  const [codes, setCodes] = useState<readonly string[]>([]);
  const own = answer?.phones.filter(({ personId }) => personId === person.id);
  const likely = own?.find(({ id }) => id === phone?.phoneId)?.id ?? (own?.length === 1 ? own[0]?.id : undefined);
  const id = chosen ?? likely;
  const done = () => route('/this-phone');
  const doing = useDoing(async () => {
    const codesOnce = await register(id ?? '', phone, person.name);
    if (codesOnce.length > 0) setCodes(codesOnce);
    else done();
  });
  if (codes.length > 0) return <Once codes={codes} onKept={done} />;
  return (
    <Frame title={thisPhone.registerTitle} back>
      <p class="second measure">{own?.length === 0 ? thisPhone.registerNone : thisPhone.registerText}</p>
      <RefusalNote refusal={doing.refusal ?? refusal} />
      {own === undefined ? (
        <Skeleton height="8rem" />
      ) : (
        <fieldset class="card phone-choices">
          <legend class="only-read">{thisPhone.registerTitle}</legend>
          {own.map((one) => (
            <label key={one.id} class="check">
              <input type="radio" name="phone" checked={one.id === id} onChange={() => setChosen(one.id)} />
              <span class="strong">{one.name}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div class="buttons">
        <Button busy={doing.busy} disabled={id === undefined} onClick={() => void doing.run()}>
          {thisPhone.registerThis}
        </Button>
        <LinkButton href="/pair" look="secondary">
          {thisPhone.pairAnew}
        </LinkButton>
      </div>
    </Frame>
  );
}

/** Resolves with the recovery codes that came with the key, if the person had none left. */
async function register(phoneId: string, before: OwnPhone | undefined, person: string): Promise<readonly string[]> {
  await keepStorage();
  const publicKey = await makeApproverKey();
  const { approver, token, recoveryCodes } = await confirmFirst(() =>
    ask('POST /api/approvers', { body: { publicKey, phoneId } }),
  );
  const box = before?.box ?? (await ask('GET /api/setup')).box;
  await putOwnPhone({ phoneId, phone: approver.name, person, box, token });
  await useApproverKey(publicKey);
  return recoveryCodes;
}
