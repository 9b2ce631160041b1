import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { useSession } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { PairingPanel } from '../ui/pairing-panel.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

type Joined = Readonly<{ phone: string; guards: boolean; run: FirstRun }>;

/** The first phone: the code at once; the end of the first run, whether one joins or not. */
export function PhoneStep({ firstRun }: { firstRun: FirstRun }) {
  const { route } = useLocation();
  const { look } = useSession();
  const [joined, setJoined] = useState<Joined>();
  const later = useDoing(async () => {
    await ask('PUT /api/first-run/steps/:step', { params: { step: 'phone' }, body: { state: 'later' } });
    route('/', true);
  });
  const onJoined = async (phone: string) => {
    setJoined({ phone, guards: false, run: firstRun });
    // Whether it can approve is the box's to say: a phone may have joined without a key.
    const [run, session] = await Promise.all([ask('GET /api/first-run'), look()]);
    setJoined({ phone, guards: session.is === 'there' && session.current.secondFactor, run });
  };
  // The panel stays: it shows who joined, and takes a phone off again that is not theirs.
  return (
    <Frame
      step="phone"
      firstRun={joined?.run ?? firstRun}
      title={joined === undefined ? t.phoneTitle : t.phoneJoined(joined.phone)}
      lead={joined === undefined ? t.phoneText : t.phoneJoinedText}
    >
      <PairingPanel
        onJoined={({ phone }) => void onJoined(phone).catch(() => undefined)}
        onTurnedAway={() => {
          setJoined(undefined);
          void look();
        }}
      />
      {firstRun.lock === 'phone' && (
        <p class="second measure">{joined?.guards === true ? t.phoneJoinedLock : t.phoneLaterLock}</p>
      )}
      <RefusalNote refusal={later.refusal} />
      <Buttons>
        {joined === undefined ? (
          <Button look="quiet" busy={later.busy} onClick={() => void later.run()}>
            {t.later}
          </Button>
        ) : (
          <LinkButton href="/">{t.finish}</LinkButton>
        )}
      </Buttons>
    </Frame>
  );
}
