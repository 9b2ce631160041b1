import { CircleCheck, CircleX, LifeBuoy } from 'lucide';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { offbox as t } from '../text/en/offbox.ts';
import { Button } from '../ui/button.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { NumberedSteps } from '../ui/steps.tsx';
import { commandFor, type OffboxCopy } from './place-form.tsx';

type ProofProps = Readonly<{ copy: OffboxCopy; idle: boolean; onBegun: () => void }>;

/** What was read back, and what came back in a drill: a copy that nobody ever read is none. */
export function ProofCard({ copy: { check, drill, lastSuccessAt }, idle, onBegun }: ProofProps) {
  const now = boxNow();
  const begin = useDoing(async (what: 'check' | 'drill') => {
    if (what === 'check') await ask('POST /api/offbox/check');
    else await ask('POST /api/offbox/drill', { body: {} });
    say(t.begunSaid);
    onBegun();
  });
  const may = idle && lastSuccessAt !== null;
  return (
    <section class="card stack" aria-labelledby="offbox-proof">
      <h2 class="head" id="offbox-proof">
        {t.proof}
      </h2>
      <Line
        look={check === null ? 'quiet' : check.ok ? 'safe' : 'act'}
        title={t.check}
        text={
          check === null
            ? t.checkNever
            : check.ok
              ? t.checkFine(check.part, check.parts, check.at, now)
              : t.checkBad(check.at, now)
        }
      />
      <Line
        look={drill === null ? 'quiet' : drill.ok ? 'safe' : 'act'}
        title={t.drill}
        text={drillText(drill, now)}
        more={t.drillText}
      />
      {drill !== null && drill.files.length > 0 && (
        <ul class="offbox-files">
          {drill.files.map(({ name, person, size, result }) => (
            <li key={`${person} ${name}`}>
              <span class="offbox-place">
                {name} <span class="cap">{t.of(person, size)}</span>
              </span>
              <span class={result === 'right' ? 'cap' : 'strong'}>{t.results[result]}</span>
            </li>
          ))}
        </ul>
      )}
      <RefusalNote refusal={begin.refusal} />
      {may && (
        <div class="buttons">
          <Button look="secondary" busy={begin.busy} onClick={() => void begin.run('drill')}>
            {t.drillNow}
          </Button>
          <Button look="quiet" onClick={() => void begin.run('check')}>
            {t.checkNow}
          </Button>
        </div>
      )}
    </section>
  );
}

function drillText(drill: OffboxCopy['drill'], now: number): string {
  if (drill === null) return t.drillNever;
  if (drill.files.length === 0) return t.drillNone;
  return drill.ok ? t.drillFine(drill.files.length, drill.at, now) : t.drillBad(drill.at, now);
}

const icons: Readonly<Record<'safe' | 'act' | 'quiet', IconNode>> = {
  safe: CircleCheck,
  act: CircleX,
  quiet: LifeBuoy,
};

function Line({ look, title, text, more }: { look: keyof typeof icons; title: string; text: string; more?: string }) {
  return (
    <div class="offbox-line">
      <span class={look}>
        <Icon of={icons[look]} />
      </span>
      <div>
        <h3 class="strong">{title}</h3>
        <p class="second">{text}</p>
        {more !== undefined && <p class="cap">{more}</p>}
      </div>
    </div>
  );
}

/** On the day it is needed nobody finds a page of this box. */
export function WayBack({ copy }: Pick<ProofProps, 'copy'>) {
  return (
    <section class="stack" aria-labelledby="offbox-back">
      <h2 class="head" id="offbox-back">
        {t.back}
      </h2>
      <NumberedSteps
        steps={t.backSteps(commandFor(copy.target)).map(({ what, where, command }) => ({
          what,
          where: command === undefined ? where : <code class="mono offbox-place">{command}</code>,
        }))}
      />
      <p class="cap measure">{t.backElse}</p>
    </section>
  );
}
