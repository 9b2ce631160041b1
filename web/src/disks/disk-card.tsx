import { Archive, FolderOpen, HardDrive, type IconNode, TriangleAlert, Unplug } from 'lucide';
import type { ComponentChildren } from 'preact';
import { disks as t } from '../text/en/disks.ts';
import {
  type AttachedDisk,
  type Mirror,
  mainVolume,
  mirrorOn,
  type Room,
  type RoomOn,
  roleOf,
  roomOfMirror,
  roomOn,
  type Volume,
} from '../ui/disk-facts.ts';
import { type DiskState, DiskVerdictPill, isGood } from '../ui/disk-verdict.tsx';
import { Icon } from '../ui/icon.tsx';
import { Bar } from '../ui/parts.tsx';
import type { House } from './use-disks.ts';

/** One disk: what it is, what it is for, how it is, how much room it has. The whole card is one link. */
export function DiskCard({ disk, house, now }: { disk: AttachedDisk; house: House; now: number }) {
  const { id, name, doing, failed } = disk;
  const volume = mainVolume(disk);
  const filesystem = t.filesystems[volume?.filesystem ?? ''] ?? volume?.filesystem ?? '';
  const notes = [
    ...(doing === null ? [] : [t.doing(doing.verb, doing.since, now)]),
    ...(disk.state === 'ejected' ? [t.ejected] : []),
    ...(disk.writeProtected ? [t.writeProtected] : []),
  ];
  const other = volume?.holds === 'other-box' || volume?.holds === 'own-other';
  return (
    <Card
      icon={other ? Archive : HardDrive}
      href={`/disks/${encodeURIComponent(id)}`}
      title={name}
      state={stateOf(disk)}
      facts={t.facts(disk, filesystem, labelOf(volume))}
      role={roleWords(disk, house)}
      room={roomOn(disk, house)}
    >
      {notes.map((note) => (
        <p key={note} class="second">
          {note}
        </p>
      ))}
      {failed !== null && doing === null && (
        <p class="disks-failed">
          <Icon of={TriangleAlert} size={16} />
          <span>
            {t.failed(failed.verb)} {failed.message}
          </span>
        </p>
      )}
    </Card>
  );
}

/** How it is; of one that is used for nothing that only where it is bad. */
export function stateOf(disk: AttachedDisk): DiskState {
  const { verdict } = disk.health;
  if (roleOf(disk) !== null || !isGood(verdict)) return verdict;
  const holds = mainVolume(disk)?.holds;
  return holds === 'files' || holds === 'other-box' || holds === 'odd' ? 'foreign' : 'new';
}

/** What somebody called it; the box's own have names of no interest. */
export function labelOf(volume: Volume | undefined): string {
  return volume === undefined || volume.role !== null || volume.markerId !== null ? '' : volume.label;
}

/** What it is for, or what is on it. */
export function roleWords(disk: AttachedDisk, { mirrors, library }: Pick<House, 'mirrors' | 'library'>): string {
  const volume = mainVolume(disk);
  if (volume?.role === 'library') return t.roles.library;
  if (volume?.role === 'mirror') return mirrorWords(mirrorOn(disk, mirrors), library);
  return volume === undefined ? t.noVolume : t.holds[volume.holds];
}

function mirrorWords(mirror: Mirror | undefined, library: House['library']): string {
  if (mirror === undefined) return t.roles.mirror;
  // What the library has is not known while it is away.
  if (library !== 'ok') return t.mirrorAlone;
  const { problem, waiting, secondsLeft, lastCompleteAt } = mirror;
  if (problem !== null) return t.mirrorProblems[problem];
  if (waiting.files === 0) return lastCompleteAt === null ? t.mirrorBegun : t.mirrorWhole;
  return secondsLeft === null ? t.mirrorBehind(waiting.files) : t.mirrorLeft(waiting.files, secondsLeft);
}

export function MissingLibraryCard() {
  return <Card icon={Unplug} title={t.roles.library} state="missing" facts={t.libraryAway} />;
}

export function FolderLibraryCard({ room, folder }: { room: Room['library']; folder: string | undefined }) {
  return (
    <Card
      icon={FolderOpen}
      href="/disks/folder"
      title={t.folderName.library}
      state="folder"
      facts={folder ?? ''}
      role={t.roles.library}
      room={room ?? undefined}
    />
  );
}

export function FolderMirrorCard({ mirror, house }: { mirror: Mirror; house: House }) {
  return (
    <Card
      icon={FolderOpen}
      href="/disks/mirrors"
      title={mirror.name}
      state="folder"
      facts={t.folderName.mirror}
      role={mirrorWords(mirror, house.library)}
      room={roomOfMirror(mirror.diskId, house.room, house.mirrors)}
    />
  );
}

export function AwayMirrorCard({ mirror, now }: { mirror: Mirror; now: number }) {
  return (
    <Card
      icon={Unplug}
      href="/disks/mirrors"
      title={mirror.name}
      state="away"
      facts={t.mirrorAway(mirror.seenAt, now)}
      role={mirror.waiting.files === 0 ? '' : t.mirrorBehind(mirror.waiting.files)}
    />
  );
}

type CardProps = Readonly<{
  icon: IconNode;
  href?: string;
  title: string;
  state: DiskState;
  facts: string;
  role?: string;
  room?: RoomOn | undefined;
  children?: ComponentChildren;
}>;

function Card({ icon, href, title, state, facts, role = '', room, children }: CardProps) {
  return (
    <li class={href === undefined ? 'card disks-card' : 'card disks-card linked'}>
      <div class="disks-card-head">
        <span class={`disks-icon ${state}`} aria-hidden="true">
          <Icon of={icon} />
        </span>
        <div>
          <h2 class="head">{href === undefined ? title : <a href={href}>{title}</a>}</h2>
          {facts !== '' && <p class="cap">{facts}</p>}
        </div>
        <DiskVerdictPill state={state} />
      </div>
      {role !== '' && <p>{role}</p>}
      {children}
      {room !== undefined && <RoomBar room={room} />}
    </li>
  );
}

export function RoomBar({ room: { totalBytes, freeBytes, fullInDays } }: { room: RoomOn }) {
  return (
    <div class="disks-room">
      <Bar share={1 - freeBytes / Math.max(1, totalBytes)} label={t.used(totalBytes, freeBytes)} />
      <p class="cap num">
        <span>{t.used(totalBytes, freeBytes)}</span>
        {fullInDays !== null && <span>{t.fullIn(fullInDays)}</span>}
      </p>
    </div>
  );
}
