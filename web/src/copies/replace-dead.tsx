import { HardDrive, TriangleAlert } from 'lucide';
import { useState } from 'preact/hooks';
import { boxNow } from '../ask/ask.ts';
import { replace as t } from '../text/en/replace.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { PromoteDialog } from './replace-parts.tsx';
import type { Mirror, Mirrors } from './use-mirrors.ts';

/** The library's disk is away, and may be dead: which mirror can take its place, and what would be missing then. */
export function DeadLibrary({ all: { mirrors }, onChanged }: { all: Mirrors; onChanged: () => Promise<void> }) {
  const there = mirrors.filter(({ attached }) => attached);
  return (
    <>
      <section class="card act stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="replace-dead">
        <h2 class="head copies-trouble" id="replace-dead">
          <Icon of={TriangleAlert} />
          {t.deadTitle}
        </h2>
        <p class="second measure">{t.deadText}</p>
        {there.length === 0 && <p class="second measure">{t.deadNone}</p>}
      </section>
      {there.map((mirror) => (
        <Candidate key={mirror.diskId} mirror={mirror} onChanged={onChanged} />
      ))}
    </>
  );
}

function Candidate({ mirror, onChanged }: { mirror: Mirror; onChanged: () => Promise<void> }) {
  const [asked, setAsked] = useState(false);
  const { diskId, name, files, bytes, knownAt } = mirror;
  const lacks = lacksWords(mirror, boxNow());
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby={`dead-${diskId}`}>
      <div class="copies-head">
        <Icon of={HardDrive} size={24} />
        <h2 class="head" id={`dead-${diskId}`}>
          {name}
        </h2>
      </div>
      <p class="strong measure">{lacks}</p>
      {knownAt !== null && <p class="second">{t.deadHolds(files, bytes)}</p>}
      <p class="cap measure">{t.deadGone}</p>
      <div class="buttons">
        <Button onClick={() => setAsked(true)}>{t.deadPromote(name)}</Button>
      </div>
      <PromoteDialog
        title={t.deadConfirmTitle(name)}
        text={`${lacks} ${t.deadConfirmText}`}
        action={t.deadConfirm(name)}
        body={{ anyway: true }}
        {...{ diskId, open: asked, onChanged }}
        onClose={() => setAsked(false)}
      />
    </section>
  );
}

function lacksWords({ name, waiting, lastCompleteAt, knownAt }: Mirror, now: number): string {
  if (knownAt === null) return t.deadUnknown(name);
  if (waiting.files > 0) return t.deadLacks(name, waiting.files, knownAt, now);
  return t.deadWhole(name, Math.max(knownAt, lastCompleteAt ?? 0), now);
}
