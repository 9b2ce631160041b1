/**
 * Owns one disk's page: how it is and why, what to do, what it told over time, and what can be done with it. Never erases
 * or lets go of it without asking.
 */
import { HardDrive, TriangleAlert } from 'lucide';
import { useEffect } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { ask, boxNow, Refusal } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { diskUse as u } from '../text/en/disk-use.ts';
import { disks as t } from '../text/en/disks.ts';
import { LinkButton } from '../ui/button.tsx';
import { type AttachedDisk, isWhole, mainVolume, roleOf, roomOn } from '../ui/disk-facts.ts';
import { DiskUse } from '../ui/disk-use.tsx';
import { DiskVerdictPill, isGood } from '../ui/disk-verdict.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { BoxDoes } from './box-does.tsx';
import { Care, EjectButton, isCheckable, LookedAt, TestButton } from './care.tsx';
import { labelOf, roleWords, stateOf } from './disk-card.tsx';
import './disks.css';
import { RoomCard } from './room-card.tsx';
import { Saw, Says, Tests } from './says.tsx';
import { TemperatureCard } from './temperature-card.tsx';
import { type House, useDisks } from './use-disks.ts';
import { Verdict } from './verdict.tsx';

const back = { href: '/disks', label: t.title };
const days = 90;

export function DiskPage() {
  const { id = '' } = useRoute().params as { id?: string };
  const { answer, refusal, again } = useDisks();
  const disk = answer?.listed.disks.find((one) => one.id === id);
  if (answer === undefined) {
    return (
      <Page title={t.title} back={back}>
        {refusal !== undefined ? <CouldNotLoad refusal={refusal} again={() => void again()} /> : <Waiting />}
      </Page>
    );
  }
  if (id === 'folder' && answer.library === 'ok') return <FolderPage house={answer} />;
  if (disk === undefined) {
    return (
      <Page title={t.gone} back={back}>
        <div class="card">
          <EmptyState icon={HardDrive} title={t.gone} action={<LinkButton href="/disks">{t.toDisks}</LinkButton>}>
            {t.goneText}
          </EmptyState>
        </div>
      </Page>
    );
  }
  return <Shown key={disk.id} disk={disk} house={answer} again={() => void again()} />;
}

function Waiting() {
  return (
    <>
      <Skeleton height="6rem" />
      <div class="disks-columns">
        <Skeleton height="20rem" />
        <Skeleton height="20rem" />
      </div>
    </>
  );
}

/** A folder stands for the library's disk: all that is known of it is its room. */
function FolderPage({ house }: { house: House }) {
  return (
    <Page title={t.folderName.library} back={back} aside={<DiskVerdictPill state="folder" />}>
      <p class="second measure">{house.listed.helper === 'missing' ? t.helperMissingText : t.folderText}</p>
      <div class="disks-columns">
        {house.room.library !== null && <RoomCard room={house.room.library} house={house} use="library" />}
        <BoxDoes house={house} />
      </div>
    </Page>
  );
}

type ShownProps = Readonly<{ disk: AttachedDisk; house: House; again: () => void }>;

function Shown({ disk, house, again }: ShownProps) {
  const { id, name, health: standing, doing, failed } = disk;
  const health = useHealth(disk);
  const volume = mainVolume(disk);
  const role = roleOf(disk);
  const filesystem = t.filesystems[volume?.filesystem ?? ''] ?? volume?.filesystem ?? '';
  const now = boxNow();
  const told = health.answer ?? undefined;
  // Of a disk that is used for nothing, and of which nothing bad is known, the question is what it is for.
  const chooseFirst = role === null && isGood(standing.verdict);
  const verdict = <Verdict disk={disk} health={told} twice={isTwice(house)} />;
  return (
    <Page
      title={name}
      back={back}
      aside={
        <div class="buttons disks-aside">
          {told?.now != null && told.readAt !== null && <TestButton id={id} health={told} onTold={health.put} />}
          {(role !== null || disk.state === 'looked-at') && <EjectButton disk={disk} onDone={again} />}
        </div>
      }
    >
      <div class="disks-facts">
        <DiskVerdictPill state={stateOf(disk)} />
        <p class="cap">
          {t.facts(disk, filesystem, labelOf(volume))}. {roleWords(disk, house)}.
        </p>
      </div>
      {doing !== null && (
        <p class="disks-doing" role="status">
          <span class="ring" aria-hidden="true" />
          {t.doing(doing.verb, doing.since, now)}
        </p>
      )}
      {failed !== null && doing === null && (
        <div class="refusal">
          <Icon of={TriangleAlert} />
          <p>
            {t.failed(failed.verb)} {failed.message}
          </p>
        </div>
      )}
      {!chooseFirst && verdict}
      {role === null && (
        <section class="card stack" aria-labelledby="disk-use">
          <div>
            <h2 class="head" id="disk-use">
              {u.title(name)}
            </h2>
            <p class="cap">{u.asIs}</p>
          </div>
          {volume?.holds === 'other-box' && <p class="second measure">{u.adoptText}</p>}
          {volume?.source != null && <LookedAt id={id} />}
          <DiskUse disk={disk} library={house.library} onDone={again} />
        </section>
      )}
      {chooseFirst && verdict}
      <div class="disks-columns">
        <RoomCard room={roomOn(disk, house)} house={house} use={role} />
        {told !== undefined && <TemperatureCard health={told} />}
        {told?.now != null && <Says now={told.now} reasons={told.reasons} />}
        {role !== null && <BoxDoes house={house} />}
        {told?.now != null && <Tests health={told} />}
        {(told !== undefined || isCheckable(disk)) && (
          <Saw events={told?.events}>
            <Care disk={disk} onDone={again} />
          </Saw>
        )}
      </div>
    </Page>
  );
}

/** What it tells comes some moments after it was plugged in, and a test goes on: then it is asked again and again. */
function useHealth({ id, health: { verdict } }: AttachedDisk) {
  const asked = useAsk(
    (signal) => ask('GET /api/disks/:id/health', { params: { id }, query: { days }, signal }).catch(noneYet),
    [id, verdict],
  );
  const { answer, again } = asked;
  const waits = answer == null || (answer.now !== null && answer.now.testing !== null);
  useEffect(() => {
    if (!waits) return;
    const every = window.setInterval(() => document.hidden || void again(), 5_000);
    return () => window.clearInterval(every);
  }, [waits, again]);
  return asked;
}

/** Whatever becomes of one disk, everything is on another. */
function isTwice({ library, mirrors }: House): boolean {
  return library === 'ok' && mirrors.some(isWhole);
}

/** It was never asked: no error. */
function noneYet(error: unknown): null {
  if (error instanceof Refusal && error.code === 'not-found') return null;
  throw error;
}
