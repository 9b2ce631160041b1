import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { forgetOwnPhone, type OwnPhone } from '../ask/own-phone.ts';
import { useSession } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { day } from '../text/format.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { svgAddress } from '../ui/svg-address.ts';
import { Frame } from './frame.tsx';

type Opened = ReplyOf<'POST /api/pairings'>;
const lookMs = 15_000;

/** The old phone makes the invitation for the one that takes its place. Needs its person's session, confirmed. */
export function Move({ phone }: { phone: OwnPhone }) {
  const { state } = useSession();
  const [opened, setOpened] = useState<Opened>();
  const [moved, setMoved] = useState<string>();
  const opening = useDoing(async () =>
    setOpened(await confirmFirst(() => ask('POST /api/pairings', { body: { replaces: phone.phoneId } }))),
  );
  const signedIn = state.is === 'there' && state.current.stage === 'open';
  if (moved !== undefined) return <Moved phone={moved} />;
  return (
    <Frame title={thisPhone.move} back>
      {opened === undefined ? (
        <>
          <WhatHappens />
          <RefusalNote refusal={opening.refusal} />
          {!signedIn && <p class="second measure">{thisPhone.moveNoSignIn}</p>}
          <div class="buttons">
            {signedIn ? (
              <Button busy={opening.busy} onClick={() => void opening.run()}>
                {thisPhone.moveStart}
              </Button>
            ) : (
              <LinkButton href="/sign-in?to=%2Fthis-phone%2Fmove">{thisPhone.signIn}</LinkButton>
            )}
          </div>
        </>
      ) : (
        <Waiting opened={opened} onMoved={setMoved} anew={() => void opening.run()} />
      )}
    </Frame>
  );
}

function WhatHappens() {
  return (
    <div class="card phone-move">
      {[
        [thisPhone.moveEnds, thisPhone.moveEndsList] as const,
        [thisPhone.moveGoesOn, thisPhone.moveGoesOnList] as const,
      ].map(([title, list]) => (
        <section key={title}>
          <h2 class="head">{title}</h2>
          <ul>
            {list.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Waiting({ opened, onMoved, anew }: WaitingProps) {
  const [state, setState] = useState<'open' | 'over'>('open');
  const look = async () => {
    const { pairing } = await ask('GET /api/pairings/current');
    if (pairing?.id !== opened.id) return;
    if (pairing.state === 'joined') onMoved(pairing.joined?.phone ?? pairing.phone);
    else if (pairing.state !== 'open' || opened.expiresAt <= boxNow()) setState('over');
  };
  useLive((event) => {
    if (event.type === 'missed' || event.type === 'pairing') void look().catch(() => undefined);
  });
  useEffect(() => {
    const timer = window.setInterval(() => void look().catch(() => undefined), lookMs);
    return () => window.clearInterval(timer);
  }, [opened]);
  if (state === 'over') {
    return (
      <>
        <p class="second">{thisPhone.moveRanOut}</p>
        <div class="buttons">
          <Button onClick={anew}>{thisPhone.moveNew}</Button>
        </div>
      </>
    );
  }
  return (
    <>
      <p class="second measure">{thisPhone.moveLead}</p>
      <section class="card phone-qr">
        <img src={svgAddress(opened.qrSvg)} width="240" height="240" alt={thisPhone.qr} />
        <p class="cap">{thisPhone.moveCode}</p>
        <p class="figure">{opened.code}</p>
        <p class="row second" role="status">
          <span class="ring" aria-hidden="true" />
          {thisPhone.moveWaiting}
        </p>
      </section>
    </>
  );
}
type WaitingProps = Readonly<{ opened: Opened; onMoved: (phone: string) => void; anew: () => void }>;

function Moved({ phone }: { phone: string }) {
  const [today] = useState(() => day(boxNow(), boxNow(), undefined));
  useEffect(() => () => void forgetOwnPhone(), []);
  return (
    <Frame title={thisPhone.movedTitle(today)}>
      <p class="second measure">{thisPhone.movedText(phone)}</p>
    </Frame>
  );
}
