/**
 * Owns the page about imports: from a disk that is only looked at, into a person's library; what is under way, and what
 * each came to. Never writes to such a disk, nor attaches one for anything else. Shown by the app at /import.
 */
import { useEffect } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { imports as t } from '../text/en/imports.ts';
import { mirrors as words } from '../text/en/mirrors.ts';
import { CopyLine } from '../ui/copy-line.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import { type Import, ImportCard } from './import-card.tsx';
import { FromDisk } from './import-from.tsx';
import { shellWord } from './shell-words.ts';
import './copies.css';

const runningMs = 1_500;
const restingMs = 4_000;

export function ImportPage() {
  const { role, name } = usePerson();
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/imports', { signal }));
  const busy = answer?.imports.some(({ state }) => state === 'running' || state === 'waiting') === true;
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), busy ? runningMs : restingMs);
    return () => window.clearInterval(timer);
  }, [busy, again]);
  useLive((event) => {
    if (event.type === 'missed') void again();
  });
  const owner = role === 'owner';
  return (
    <Page title={t.title} {...(owner && { back: { href: '/disks', label: words.disks } })}>
      <p class="second measure">{t.lead}</p>
      <div class="copies-columns">
        <div>
          {owner ? <FromDisk onBegun={again} /> : <p class="card">{t.ownerOnly}</p>}
          <section class="stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="imports">
            <h2 class="head" id="imports">
              {t.done}
            </h2>
            {answer === undefined && refusal === undefined && <Skeleton height="8rem" />}
            {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={again} />}
            {answer?.imports.length === 0 && <p class="second">{t.none}</p>}
            {answer?.imports.map((it, at, all) => (
              <ImportCard
                key={it.id}
                it={it}
                last={!all.slice(0, at).some((one) => isSame(one, it))}
                onChanged={again}
              />
            ))}
          </section>
        </div>
        {owner && (
          <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="import-folder">
            <h2 class="head" id="import-folder">
              {t.byFolder}
            </h2>
            <p class="second">{t.byFolderText}</p>
            <CopyLine label={t.command} text={`nightjar import /mnt/photos --person ${shellWord(name)}`} />
          </section>
        )}
      </div>
    </Page>
  );
}

/** Begun again: the one before has nothing left to go on with. */
function isSame(one: Import, other: Import): boolean {
  return one.source === other.source && one.folder === other.folder && one.personId === other.personId;
}
