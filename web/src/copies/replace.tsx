/**
 * Owns the move to another disk, step by step: because one fails, is too small, or is dead. Keeps nothing: which step it
 * is follows from what the box says (replace-step.ts). Shown by the app at /disks/replace.
 */
import { ArrowRightLeft, Check, CircleCheck, CircleX, HardDrive, TriangleAlert, Unplug } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { mirrors as words } from '../text/en/mirrors.ts';
import { replace as t } from '../text/en/replace.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { DeadLibrary } from './replace-dead.tsx';
import { Choose, Copying, Moved, Moving, PlugIn, Ready } from './replace-parts.tsx';
import { type ReplaceStep, stepOf } from './replace-step.ts';
import { isComplete, type Mirrors, useMirrors } from './use-mirrors.ts';
import './copies.css';

export function Replace() {
  const { answer, refusal, again } = useMirrors();
  return (
    <Page title={t.title} back={{ href: '/disks', label: words.disks }}>
      <p class="second measure">{t.lead}</p>
      {answer === undefined && refusal === undefined && <Skeleton height="28rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && <Move all={answer} onChanged={again} />}
    </Page>
  );
}

function Move({ all, onChanged }: { all: Mirrors; onChanged: () => Promise<void> }) {
  const { query } = useLocation();
  const chosen = query['to'] === '' ? undefined : query['to'];
  const step = stepOf(all, { chosen, anew: query['anew'] !== undefined, now: boxNow() });
  if (step.is === 'empty') {
    return (
      <EmptyState icon={HardDrive} title={t.empty} action={<LinkButton href="/disks">{words.addOne}</LinkButton>}>
        {t.emptyText}
      </EmptyState>
    );
  }
  return (
    <div class="copies-columns aside-first">
      <div>
        <WhatIsSafe all={all} />
      </div>
      <div>
        {step.is === 'dead' ? <DeadLibrary all={all} onChanged={onChanged} /> : <Steps {...{ step, all, onChanged }} />}
      </div>
    </div>
  );
}

const places: Readonly<Record<Exclude<ReplaceStep['is'], 'empty' | 'dead'>, number>> = {
  'plug-in': 0,
  choose: 0,
  copying: 1,
  ready: 2,
  moving: 2,
  moved: 3,
};

type StepsProps = Readonly<{
  step: Exclude<ReplaceStep, { is: 'empty' | 'dead' }>;
  all: Mirrors;
  onChanged: () => Promise<void>;
}>;

function Steps({ step, all, onChanged }: StepsProps) {
  const here = places[step.is];
  return (
    <ol class="card copies-steps" aria-label={t.stepsLabel}>
      {t.steps.map((title, at) => {
        const past = at < here;
        return (
          <li
            key={title}
            class={at === here ? 'here' : past ? 'done' : 'later'}
            aria-current={at === here ? 'step' : undefined}
          >
            <span class="number num" aria-hidden="true">
              {past ? <Icon of={Check} size={16} stroke={2.1} /> : at + 1}
            </span>
            <div class="stack" style={{ '--gap': 'var(--s4)' }}>
              <h2 class="head">
                {title}
                {past && <span class="only-read"> ({t.done})</span>}
              </h2>
              {at === here && <Here {...{ step, all, onChanged }} />}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function Here({ step, all, onChanged }: StepsProps): ComponentChildren {
  switch (step.is) {
    case 'plug-in':
      return <PlugIn away={step.away} />;
    case 'choose':
      return <Choose among={step.among} />;
    case 'copying':
      return <Copying to={step.to} />;
    case 'ready':
      return <Ready to={step.to} onChanged={onChanged} />;
    case 'moving':
      return <Moving all={all} name={step.name} onChanged={onChanged} />;
    default:
      return <Moved all={all} onChanged={onChanged} />;
  }
}

/** What is where just now, whatever the step. */
function WhatIsSafe({ all }: { all: Mirrors }) {
  const now = boxNow();
  const { library, mirrors } = all;
  // A box without the helper knows of no disk's health; then nothing is said of it.
  const { answer: disks } = useAsk((signal) => ask('GET /api/disks', { signal }), [library.diskId]);
  const judged = (disks?.disks ?? []).filter(({ volumes }) => volumes.some(({ role }) => role === 'library'));
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="replace-safe">
      <h2 class="head" id="replace-safe">
        {t.safeTitle}
      </h2>
      <ul class="rows copies-safe">
        {library.state === 'ok' ? (
          <li class="safe">
            <Icon of={CircleCheck} />
            <p>{t.safeLibrary}</p>
          </li>
        ) : (
          <li class="act">
            <Icon of={CircleX} />
            <p>{t.safeMissing}</p>
          </li>
        )}
        {judged.map(({ id, name, health: { verdict } }) =>
          verdict === 'fine' || verdict === 'tells-nothing' ? null : (
            <li key={id} class={verdict === 'failing' ? 'act' : 'watch'}>
              <Icon of={TriangleAlert} />
              <p>
                {t.verdicts[verdict](name)} <a href={`/disks/${encodeURIComponent(id)}`}>{t.why}</a>
              </p>
            </li>
          ),
        )}
        {mirrors.map((mirror) => {
          const { diskId, name, waiting, attached, seenAt } = mirror;
          const whole = isComplete(mirror) && library.state === 'ok';
          const text = !attached
            ? t.safeAway(name, seenAt, now)
            : whole
              ? t.safeCopy(name)
              : library.state === 'ok'
                ? t.safeBehind(name, waiting.files)
                : t.safeAttached(name);
          return (
            <li key={diskId} class={whole ? 'safe' : undefined}>
              <Icon of={!attached ? Unplug : whole ? CircleCheck : ArrowRightLeft} />
              <p>{text}</p>
            </li>
          );
        })}
        {mirrors.length === 0 && (
          <li class="watch">
            <Icon of={TriangleAlert} />
            <p>{t.safeNoCopy}</p>
          </li>
        )}
      </ul>
    </section>
  );
}
