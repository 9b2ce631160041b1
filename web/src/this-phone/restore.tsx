/** Getting photos back to the phone: which, the plan before anything starts, then round by round. */
import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { systemHere } from '../ask/system.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { restore } from '../text/en/restore.ts';
import { month as monthName } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';
import { entriesOf, sharesFiles } from './restore-fetch.ts';
import { planRounds, type Round } from './restore-plan.ts';
import { Rounds } from './restore-rounds.tsx';
import './restore.css';

export function Restore({ phone }: { phone: OwnPhone }) {
  const [plan, setPlan] = useState<readonly Round[]>();
  const [started, setStarted] = useState(false);
  if (plan === undefined) return <Choose phone={phone} onPlan={setPlan} />;
  const back = () => {
    setPlan(undefined);
    setStarted(false);
  };
  if (!started) return <Plan rounds={plan} start={() => setStarted(true)} back={back} />;
  return <Rounds phone={phone} rounds={plan} done={back} />;
}

function Choose({ phone, onPlan }: { phone: OwnPhone; onPlan: (rounds: readonly Round[]) => void }) {
  const [own, setOwn] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { answer, refusal, again } = useAsk(
    () => ask('GET /api/timeline/months', { query: own ? { phone: phone.phoneId } : {}, token: phone.token }),
    [own, phone.token],
  );
  const months = answer?.months ?? [];
  const picked = months.filter(({ month }) => chosen.has(month));
  const planning = useDoing(async () => {
    const names = picked.map(({ month }) => month);
    const canShare = systemHere() !== 'computer' && sharesFiles();
    onPlan(planRounds(await entriesOf(phone, names, own), canShare));
  });
  const toggle = (month: string) => {
    const next = new Set(chosen);
    if (!next.delete(month)) next.add(month);
    setChosen(next);
  };
  const all = picked.length === months.length;
  return (
    <Frame title={restore.title} back>
      <fieldset class="restore-which">
        <legend class="only-read">{restore.which}</legend>
        {[false, true].map((value) => (
          <label key={String(value)}>
            <input type="radio" name="which" checked={own === value} onChange={() => setOwn(value)} />
            <span>{value ? restore.thisPhone : restore.everything}</span>
          </label>
        ))}
      </fieldset>
      {refusal !== undefined && answer === undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="16rem" />}
      {answer !== undefined && months.length === 0 && <p class="card second">{restore.none}</p>}
      {months.length > 0 && (
        <section class="card">
          <div class="row spread">
            <h2 class="head">{restore.months}</h2>
            <Button look="quiet" onClick={() => setChosen(all ? new Set() : new Set(months.map(({ month }) => month)))}>
              {restore.all}
            </Button>
          </div>
          <ul class="rows">
            {months.map(({ month, count }) => (
              <li key={month}>
                <label class="check restore-month">
                  <input type="checkbox" checked={chosen.has(month)} onChange={() => toggle(month)} />
                  <span class="strong">{monthName(month)}</span>
                  <span class="cap num">{restore.monthCount(count)}</span>
                </label>
              </li>
            ))}
          </ul>
        </section>
      )}
      <RefusalNote refusal={planning.refusal} />
      <div class="buttons">
        <Button busy={planning.busy} disabled={picked.length === 0} onClick={() => void planning.run()}>
          {restore.plan}
        </Button>
      </div>
      <section class="restore-better">
        <h2 class="head">{restore.better}</h2>
        <p class="second measure">{restore.betterText}</p>
        <a href="/install" target="_self">
          {restore.betterHow}
        </a>
      </section>
    </Frame>
  );
}

function Plan({ rounds, start, back }: { rounds: readonly Round[]; start: () => void; back: () => void }) {
  const of = (by: Round['by']) => rounds.filter((round) => round.by === by);
  const sum = (some: readonly Round[], value: (round: Round) => number) =>
    some.reduce((total, round) => total + value(round), 0);
  const files = sum(rounds, ({ entries }) => entries.length);
  const size = sum(rounds, ({ bytes }) => bytes);
  const pairs = sum(of('zip'), ({ entries }) => entries.filter(({ isPair }) => isPair).length);
  const shares = of('share').length > 0;
  return (
    <Frame title={restore.planTitle} back>
      <section class="card stack">
        <p>{shares ? restore.planShare(files, size, rounds.length) : restore.planZip(files, size, rounds.length)}</p>
        {pairs > 0 && <p class="second">{restore.planPairs(pairs)}</p>}
        {of('file').length > 0 && <p class="second">{restore.planLarge(of('file').length)}</p>}
        <div class="buttons">
          <Button onClick={start} disabled={files === 0}>
            {restore.start}
          </Button>
          <Button look="secondary" onClick={back}>
            {restore.back}
          </Button>
        </div>
      </section>
    </Frame>
  );
}
