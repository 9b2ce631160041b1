/**
 * Owns the list of disks: will they hold? Those that hold photos first, then those that could, then those that are left
 * alone. Never touches one: what is done to a disk is done on its own page.
 */
import { ChevronDown, Download, HardDrive, Info, Layers, Plug, Replace, Upload } from 'lucide';
import { boxNow } from '../ask/ask.ts';
import { disks as t } from '../text/en/disks.ts';
import { type AttachedDisk, isOthers, isWhole, roleOf } from '../ui/disk-facts.ts';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { Way } from '../ui/way.tsx';
import { AwayMirrorCard, DiskCard, FolderLibraryCard, FolderMirrorCard, MissingLibraryCard } from './disk-card.tsx';
import './disks.css';
import { type House, useDisks } from './use-disks.ts';

export function Disks() {
  const { answer, refusal, again } = useDisks();
  return (
    <Page title={t.title}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && (
        <>
          <Skeleton height="1.5rem" width="60%" />
          <div class="disks-grid">
            <Skeleton height="13rem" />
            <Skeleton height="13rem" />
          </div>
        </>
      )}
      {answer !== undefined && <Shown house={answer} />}
    </Page>
  );
}

function Shown({ house }: { house: House }) {
  const { listed, library, mirrors, room } = house;
  const now = boxNow();
  const folders = listed.folders.some(({ role }) => role === 'library');
  const rank = (disk: (typeof listed.disks)[number]) => ['library', 'mirror', null].indexOf(roleOf(disk));
  const shown = listed.disks.filter((disk) => !isOthers(disk)).toSorted((a, b) => rank(a) - rank(b));
  const others = listed.disks.filter(isOthers);
  const markers = new Set(listed.disks.flatMap(({ volumes }) => volumes.map(({ markerId }) => markerId)));
  const elsewhere = mirrors.filter(({ diskId }) => !markers.has(diskId));
  const attachedLibrary = shown.some((disk) => roleOf(disk) === 'library');
  const none = shown.length + elsewhere.length === 0 && !folders && library !== 'missing';
  return (
    <>
      <p class="second measure">{leadOf(house)}</p>
      {listed.helper === 'missing' && <Note title={t.helperMissing} text={t.helperMissingText} />}
      {listed.helper === 'failing' && <Note title={t.helperFailing} text={t.helperFailingText} />}
      {none && listed.helper !== 'missing' && (
        <div class="card">
          <EmptyState icon={HardDrive} title={t.none}>
            {t.noneText}
          </EmptyState>
        </div>
      )}
      <ul class="disks-grid">
        {!attachedLibrary && library === 'missing' && <MissingLibraryCard />}
        {!attachedLibrary && library === 'ok' && (
          <FolderLibraryCard
            room={room.library}
            folder={listed.folders.find(({ role }) => role === 'library')?.folder}
          />
        )}
        {shown.filter(isUsed).map((disk) => (
          <DiskCard key={disk.id} disk={disk} house={house} now={now} />
        ))}
        {elsewhere.map((mirror) =>
          mirror.attached ? (
            <FolderMirrorCard key={mirror.diskId} mirror={mirror} house={house} />
          ) : (
            <AwayMirrorCard key={mirror.diskId} mirror={mirror} now={now} />
          ),
        )}
        {shown
          .filter((disk) => !isUsed(disk))
          .map((disk) => (
            <DiskCard key={disk.id} disk={disk} house={house} now={now} />
          ))}
      </ul>
      {!none && listed.helper === 'ok' && (
        <p class="disks-plug cap">
          <Icon of={Plug} size={16} />
          {t.plugIn}
        </p>
      )}
      {others.length > 0 && (
        <details class="disks-others">
          <summary>
            <Icon of={ChevronDown} size={16} />
            {t.others}
          </summary>
          <ul class="rows">
            {others.map(({ id, name, sizeBytes, bus, serial, state }) => (
              <li key={id}>
                <p class="strong">{name}</p>
                <p class="cap">{t.facts({ sizeBytes, bus, serial }, '')}</p>
                <p class="cap">{t.otherStates[state === 'system' ? 'system' : 'in-use']}</p>
              </li>
            ))}
          </ul>
        </details>
      )}
      <section aria-label={t.ways}>
        <ul class="card ways">
          <Way href="/disks/mirrors" icon={Layers} title={t.mirrors} text={t.mirrorsText} />
          <Way href="/disks/replace" icon={Replace} title={t.replace} text={t.replaceText} />
          <Way href="/import" icon={Download} title={t.bringIn} text={t.bringInText} />
          <Way href="/export" icon={Upload} title={t.takeOut} text={t.takeOutText} />
        </ul>
      </section>
    </>
  );
}

function isUsed(disk: AttachedDisk): boolean {
  return roleOf(disk) !== null;
}

function Note({ title, text }: { title: string; text: string }) {
  return (
    <section class="card disks-note">
      <Icon of={Info} />
      <div>
        <h2 class="strong">{title}</h2>
        <p class="second measure">{text}</p>
      </div>
    </section>
  );
}

/** Will the disks hold? The first that is true. */
function leadOf({ listed, mirrors, library }: House): string {
  const used = listed.disks.filter((disk) => roleOf(disk) !== null);
  const failing = used.filter(({ health }) => health.verdict === 'failing').length;
  if (failing > 0) return t.leads.failing(failing);
  if (library === 'missing') return t.leads.libraryMissing;
  if (library === 'none') return t.leads.noLibrary;
  if (mirrors.length === 0) return t.leads.single;
  const there = mirrors.filter(({ attached }) => attached);
  if (there.length === 0) return t.leads.away;
  const taking = there.filter(({ problem }) => problem === null);
  if (taking.length === 0) return t.leads.stuck;
  if (!taking.some(isWhole)) {
    // As far as the best of them is.
    const lacks = Math.min(...taking.map(({ waiting }) => waiting.files));
    return lacks > 0 ? t.leads.behind(lacks) : t.leads.begun;
  }
  const known = used.length === there.length + 1;
  const fine = used.every(({ health }) => health.verdict === 'fine' || health.verdict === 'tells-nothing');
  return fine && known ? t.leads.twice : known ? t.leads.look : t.leads.twiceFolders;
}
