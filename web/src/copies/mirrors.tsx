/**
 * Owns the page about the mirrors: whether everything is on a second disk, how far each is, and whether what was read
 * again is what came. Never attaches or erases a disk: that is the disks' own page. Shown by the app at /disks/mirrors.
 */
import { ArrowRightLeft, CopyPlus, FolderInput, FolderOutput, HardDrive, TriangleAlert } from 'lucide';
import { useEffect } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { mirrors as t } from '../text/en/mirrors.ts';
import { originals } from '../text/en/originals.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { LostFiles, MendedFiles, ReadingAgain, type Verification } from '../ui/read-again.tsx';
import { Way } from '../ui/way.tsx';
import { Lacking } from './lacking.tsx';
import { MirrorCard } from './mirror-card.tsx';
import { type Mirrors as All, useMirrors } from './use-mirrors.ts';
import './copies.css';

const againMs = 2_000;
const lostShown = 5;

export function Mirrors() {
  const { answer, refusal, again } = useMirrors();
  return (
    <Page title={t.title} back={{ href: '/disks', label: t.disks }}>
      {answer === undefined && refusal === undefined && <Skeleton height="26rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && (
        <>
          <div>
            <p class="copies-verdict">{t.verdict(answer)}</p>
            <p class="second measure">{t.lead}</p>
          </div>
          <div class="copies-columns">
            <div>
              <MirrorList all={answer} onChanged={() => void again()} />
            </div>
            <div>
              {answer.library.state === 'ok' && <Reading />}
              <Ways />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

function MirrorList({ all, onChanged }: { all: All; onChanged: () => void }) {
  const { path, query, route } = useLocation();
  const lacking = all.mirrors.find(({ diskId }) => diskId === query['lacks']);
  return (
    <>
      {all.library.state === 'missing' && (
        <section class="card act stack" style={{ '--gap': 'var(--s3)' }}>
          <h2 class="head copies-trouble">
            <Icon of={TriangleAlert} />
            {t.missing}
          </h2>
          <p class="second measure">{t.missingText}</p>
          <div class="buttons">
            <LinkButton href="/disks/replace">{t.toReplace}</LinkButton>
          </div>
        </section>
      )}
      {all.promotion !== null && (
        <section class="card stack" style={{ '--gap': 'var(--s3)' }} role="status">
          <h2 class="head">{t.moving}</h2>
          <div class="buttons">
            <LinkButton href="/disks/replace">{t.movingShow}</LinkButton>
          </div>
        </section>
      )}
      {all.mirrors.map((mirror) => (
        <MirrorCard
          key={mirror.diskId}
          mirror={mirror}
          all={all}
          onLacking={() => route(`${path}?lacks=${encodeURIComponent(mirror.diskId)}`)}
          onChanged={onChanged}
        />
      ))}
      {all.mirrors.length === 0 && all.library.state === 'ok' && (
        <section class="card">
          <EmptyState icon={CopyPlus} title={t.none} action={<LinkButton href="/disks">{t.addOne}</LinkButton>}>
            {t.noneText}
          </EmptyState>
        </section>
      )}
      {all.mirrors.length > 0 && all.library.state === 'ok' && (
        <p>
          <LinkButton look="secondary" icon={HardDrive} href="/disks">
            {t.addAnother}
          </LinkButton>
        </p>
      )}
      <Lacking mirror={lacking} onClose={() => route(path, true)} />
    </>
  );
}

/** Whether the files are what came; which are not, and what became of those that were not. */
function Reading() {
  const { answer, again } = useAsk((signal) => ask('GET /api/verification', { query: { limit: lostShown }, signal }));
  const reading = answer !== undefined && (answer.running || answer.all !== null || answer.lost.count > 0);
  useEffect(() => {
    if (!reading) return;
    const timer = window.setInterval(() => document.hidden || void again(), againMs);
    return () => window.clearInterval(timer);
  }, [reading, again]);
  if (answer === undefined) return <Skeleton height="14rem" />;
  return (
    <>
      <ReadingAgain state={answer} onChanged={() => void again()} />
      <LostCard lost={answer.lost} />
      <MendedFiles files={answer.mended} />
    </>
  );
}

function LostCard({ lost }: Pick<Verification, 'lost'>) {
  if (lost.count === 0) return null;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="mirrors-lost">
      <h2 class="head" id="mirrors-lost">
        {originals.lostCount(lost.count)}
      </h2>
      <LostFiles files={lost.files} />
      <p>
        <a href="/originals">{originals.whatToDo}</a>
      </p>
    </section>
  );
}

function Ways() {
  const { replace, import: imports, export: out } = t.ways;
  return (
    <nav aria-label={t.others}>
      <ul class="card ways">
        <Way href="/disks/replace" icon={ArrowRightLeft} {...replace} />
        <Way href="/import" icon={FolderInput} {...imports} />
        <Way href="/export" icon={FolderOutput} {...out} />
      </ul>
    </nav>
  );
}
