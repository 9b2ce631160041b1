import { Check } from 'lucide';
import type { ComponentChildren } from 'preact';
import type { ReplyOf } from '../ask/ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { BesideSky } from '../ui/beside-sky.tsx';
import { Icon } from '../ui/icon.tsx';
import { usePageTitle } from '../ui/page.tsx';
import './setup.css';

export type FirstRun = ReplyOf<'GET /api/first-run'>;
export type Step = keyof FirstRun['steps'];
/** In the order in which they are taken. */
export const steps: readonly Step[] = ['box', 'you', 'disk', 'lock', 'recovery', 'clock', 'tell', 'phone'];

type FrameProps = Readonly<{
  step: Step;
  /** Undefined: nobody owns the box yet. */
  firstRun?: FirstRun | undefined;
  title: string;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}>;

/** One step of the first run: its question, beside the rail of all steps. */
export function Frame({ step, firstRun, title, lead, children }: FrameProps) {
  const place = usePageTitle(title);
  return (
    <BesideSky rail sky={<Rail step={step} firstRun={firstRun} />}>
      <div class="setup-head">
        <h1 class="setup-title" tabIndex={-1} ref={place}>
          {title}
        </h1>
        {lead !== undefined && <p class="second measure">{lead}</p>}
      </div>
      {children}
    </BesideSky>
  );
}

function Rail({ step, firstRun }: { step: Step; firstRun: FirstRun | undefined }) {
  const here = steps.indexOf(step);
  return (
    <nav class="setup-rail" aria-label={t.rail}>
      <ol>
        {steps.map((one, index) => {
          // Before the box has an owner, it knows of no step.
          const state = firstRun?.steps[one] ?? (index < here ? 'done' : 'open');
          const past = one !== step && (state === 'done' || (index < here && state === 'later'));
          return (
            <li
              key={one}
              class={one === step ? 'here' : past ? 'past' : undefined}
              aria-current={one === step && 'step'}
            >
              <span class="setup-number num" aria-hidden="true">
                {past && state === 'done' ? <Icon of={Check} size={16} stroke={2.1} /> : index + 1}
              </span>
              <span>
                {t.steps[one]}
                {past && <span class="only-read"> ({state === 'done' ? t.stepDone : t.stepLater})</span>}
              </span>
            </li>
          );
        })}
      </ol>
      <p class="setup-at num">{t.at(here + 1, steps.length, t.steps[step])}</p>
    </nav>
  );
}

/** The foot of a step: what goes on is at its right. */
export function Buttons({ children }: { children: ComponentChildren }) {
  return <div class="setup-buttons">{children}</div>;
}
