import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { clock, duration } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

/** Less is what a network takes, and what nobody sees on a clock. */
const differenceMsMin = 20_000;
const tickMs = 1_000;

/** The box's time beside this device's; may the internet be asked? Either answer is a good one. */
export function ClockStep({ firstRun, onNext }: { firstRun: FirstRun; onNext: (firstRun: FirstRun) => void }) {
  const [now, setNow] = useState(() => ({ box: boxNow(), here: Date.now() }));
  useEffect(() => {
    const timer = window.setInterval(() => setNow({ box: boxNow(), here: Date.now() }), tickMs);
    return () => window.clearInterval(timer);
  }, []);
  const [answered, setAnswered] = useState<boolean>();
  const { busy, refusal, run } = useDoing(async (internetTime: boolean) => {
    setAnswered(internetTime);
    await ask('PATCH /api/box', { body: { internetTime } });
    onNext(await ask('GET /api/first-run'));
  });
  const difference = Math.abs(now.box - now.here);
  return (
    <Frame step="clock" firstRun={firstRun} title={t.clockTitle} lead={t.clockText}>
      <div class="card stack">
        <dl class="setup-clocks">
          <div>
            <dt class="cap">{t.clockBox}</dt>
            <dd>{clock(now.box)}</dd>
          </div>
          <div>
            <dt class="cap">{t.clockHere}</dt>
            <dd>{clock(now.here)}</dd>
          </div>
        </dl>
        <p class="second">{difference < differenceMsMin ? t.clockSame : t.clockOff(duration(difference))}</p>
      </div>
      <RefusalNote refusal={refusal} />
      <Buttons>
        <Button look="secondary" busy={busy && answered === false} onClick={() => void run(false)}>
          {t.clockNo}
        </Button>
        <Button busy={busy && answered === true} onClick={() => void run(true)}>
          {t.clockYes}
        </Button>
      </Buttons>
    </Frame>
  );
}
