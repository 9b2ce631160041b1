/**
 * Owns that a new box becomes the box whose library is on its disk: what there is to adopt, and doing it, from a sealed copy
 * on that disk. Never writes to the disk before the owner's secret opened the copy, never shows a name before, never leaves
 * half of it. Called by its own routes and the composition root.
 *
 * It is the old box from then on, with its id, its name and its certificates, so that phones and apps notice nothing. No
 * session is carried. What decides, and what a pulled plug leaves, is said in adopted-state.ts.
 */
import { constants } from 'node:fs';
import { access, copyFile, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Access, SessionPlace } from '../access/access.ts';
import { Audit } from '../access/audit.ts';
import type { KeyOpener } from '../access/recovery-key.ts';
import { type Disk, markerFolder } from '../disks/disk.ts';
import { mirrorFoldersSetting } from '../disks/folder-mirrors.ts';
import { cataloguePath } from '../library/open-library.ts';
import { Database } from '../platform/database.ts';
import { ignoreMissing } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { Settings } from '../platform/settings.ts';
import { Throttle } from '../platform/throttle.ts';
import { type AdoptableCopy, cannot, copiesOn, onAdoptableDisk } from './adoptable-disk.ts';
import { addMissingPeople, peopleOf } from './adopted-people.ts';
import { catalogueDir, decideAdoption, discardStaging, stagingDir } from './adopted-state.ts';
import { type BoxCopies, copiesFolder } from './box-copies.ts';
import { type CataloguePerson, type CatalogueVerdict, checkCatalogue } from './catalogue-check.ts';
import type { SealedHead } from './sealed-file.ts';

type AdoptionDeps = Readonly<{
  access: Pick<Access, 'insteadOfClaim'>;
  copies: Pick<BoxCopies, 'openCopy'>;
  stateDir: string;
  /** Of the new box. */
  boxId: string;
  /** The new box's own. */
  settings: Settings;
  /** Where a disk may be, the likeliest first. */
  places: () => readonly string[];
  stateMigrationsDir: string;
  libraryMigrationsDir: string;
  /** The setting that says which disk is the library. */
  diskIdSetting: string;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}>;
/** What is said without the owner's secret. `people`, `files`: null where they cannot be counted yet. */
type Adoptable = Readonly<{
  box: string;
  people: number | null;
  files: number | null;
  copies: readonly AdoptableCopy[];
}>;
type Adopted = Readonly<{
  box: string;
  madeAt: number;
  people: ReadonlyArray<Readonly<{ name: string; files: number }>>;
  phones: number;
}>;
const clockSetting = 'clock.saved';
const nameSetting = 'box.name';
const wonNameSetting = 'discovery.name-for';
const promotionSetting = 'library.promotion';

export class Adoption {
  readonly #deps: AdoptionDeps;
  readonly #throttle: Throttle;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
    this.#throttle = new Throttle({
      now: deps.now,
      freeTries: 5,
      delayMsFirst: 5_000,
      delayMsMax: 15 * 60_000,
      triesMax: 100,
      restMs: 60 * 60_000,
      keysMax: 2,
    });
  }

  /**
   * What there is to adopt. Nothing is written.
   * @throws {CodedError} as `Access.claim` for the code; `not-adoptable` with `why`, `disk-missing`, `disk-foreign`
   */
  async look(code: string, place: SessionPlace): Promise<Adoptable> {
    return await this.#deps.access.insteadOfClaim(code, place, async () => ({
      decided: false,
      value: await onAdoptableDisk(this.#deps, async (disk) => {
        const copies = await copiesOn(disk);
        const counted = await this.#count(disk);
        return { ...counted, box: copies[0]?.head.box ?? '', copies: copies.map(({ head: _, ...copy }) => copy) };
      }),
    }));
  }

  /**
   * Adopts; what there was of the new box ends with its next start, which the caller brings about once it has answered.
   * `copy`: by its name; default: the newest. @throws {CodedError} as `look`; `not-found` for no such copy,
   * `too-many-requests`, and as `BoxCopies.openCopy`; the box is as new as it was then
   */
  async adopt(asked: { code: string; copy?: string | undefined; opener: KeyOpener }, place: SessionPlace) {
    return await this.#deps.access.insteadOfClaim(asked.code, place, async () => ({
      value: await onAdoptableDisk(this.#deps, (disk) => this.#adopt(disk, asked, place)),
      decided: true,
    }));
  }

  async #adopt(disk: Disk, asked: { copy?: string | undefined; opener: KeyOpener }, place: SessionPlace) {
    const { copies, stateDir, log } = this.#deps;
    const offered = await copiesOn(disk);
    const copy = asked.copy === undefined ? offered[0] : offered.find(({ name }) => name === asked.copy);
    if (copy === undefined)
      throw new CodedError('not-found', 'There is no such copy on the disk. Nothing was changed.');
    await discardStaging(stateDir);
    try {
      // Counted before it is known to be wrong: many at once gain nothing.
      const key = place === undefined ? 'console' : 'network';
      this.#throttle.attempt(key);
      const file = disk.resolve(`${copiesFolder}/${copy.name}`);
      const { files } = await copies.openCopy(file, stagingDir(stateDir), asked.opener);
      this.#throttle.succeeded(key);
      if (!files.includes('tls/authority.json')) throw cannot('damaged', 'The copy lacks the box’s certificates.');
      const people = ours(await this.#checkWhole(disk));
      const adopted = await this.#prepare(disk, copy.head, { people, place });
      await disk.check();
      await decideAdoption(stateDir);
      log.info({ disk: disk.path, madeAt: copy.madeAt }, 'this box is the one of the disk from its next start on');
      return adopted;
    } catch (error) {
      await discardStaging(stateDir);
      throw error;
    }
  }

  /** The state in the staging folder becomes this disk's and this machine's. */
  async #prepare(
    disk: Disk,
    head: SealedHead,
    { people, place }: { people: readonly CataloguePerson[]; place: SessionPlace },
  ): Promise<Adopted> {
    const { stateDir, stateMigrationsDir: migrationsDir, settings: fresh, diskIdSetting, now } = this.#deps;
    const database = openState(join(stagingDir(stateDir), 'nightjar.sqlite'), migrationsDir);
    try {
      const { integrity_check: whole } = database.get<{ integrity_check: string }>('PRAGMA integrity_check') ?? {};
      const settings = new Settings(database);
      const kept = peopleOf(database);
      const owner = kept.find(({ role }) => role === 'owner');
      if (whole !== 'ok' || owner === undefined || settings.text('box.id') !== disk.marker.boxId) {
        throw cannot('damaged', 'What is in the copy is no whole state of the disk’s box. Try an older copy.');
      }
      await database.write(() => {
        database.run('DELETE FROM session');
        settings.putTextInWrite(diskIdSetting, disk.marker.diskId);
        // What it was called, also where only its machine said so: the certificate of the name stays the same.
        if (settings.text(nameSetting) === undefined)
          settings.putTextInWrite(nameSetting, settings.text(wonNameSetting) ?? head.box);
        const later = Math.max(Number(settings.text(clockSetting)) || 0, Number(fresh.text(clockSetting)) || 0);
        if (later > 0) settings.putTextInWrite(clockSetting, String(later));
        // A mirror that was to become the library; one that is it already is this disk, and takes its last step.
        const promotion = settings.text(promotionSetting) ?? '';
        const takesLastStep = promotion.includes(disk.marker.diskId) && promotion.includes('"switched"');
        if (promotion !== '' && !takesLastStep) settings.putTextInWrite(promotionSetting, '');
        // Where the disks were in the old machine says nothing of this one.
        settings.putTextInWrite(mirrorFoldersSetting, '{}');
        addMissingPeople(database, people, now());
        const actor = place === undefined ? 'console' : `person:${owner.id}`;
        new Audit(database, now).record({ event: 'box-adopted', actor, subject: owner.id });
      });
      const phones = database.get<{ n: number }>('SELECT count(*) AS n FROM phone WHERE revoked_at IS NULL')?.n ?? 0;
      return {
        box: head.box,
        madeAt: head.madeAt,
        people: peopleOf(database).map(({ id, name }) => ({
          name,
          files: people.find((person) => person.id === id)?.files ?? 0,
        })),
        phones,
      };
    } finally {
      database.close();
    }
  }

  async #count(disk: Disk): Promise<{ people: number | null; files: number | null }> {
    const log = await lstat(disk.resolve(`${cataloguePath}-wal`)).catch(ignoreMissing);
    const verdict = await this.#check(disk, { untouched: true, whole: false });
    // Perhaps all of it is in the log, which cannot be read without leaving a trace: it is, once the copy is open.
    if (verdict.verdict !== 'ours' && log !== undefined && log.size > 0) return { people: null, files: null };
    const people = ours(verdict).filter(({ files }) => files > 0);
    return { people: people.length, files: people.reduce((sum, { files }) => sum + files, 0) };
  }

  async #checkWhole(disk: Disk): Promise<CatalogueVerdict> {
    const writable = await access(disk.resolve(markerFolder), constants.W_OK).then(
      () => true,
      () => false,
    );
    if (writable) return await this.#check(disk, { untouched: false, whole: true });
    // What is in the log counts, and a disk that is only looked at takes no log's index.
    const dir = catalogueDir(this.#deps.stateDir);
    try {
      await mkdir(dir, { mode: 0o700 });
      for (const end of ['', '-wal'])
        await copyFile(disk.resolve(`${cataloguePath}${end}`), join(dir, `copy${end}`)).catch(ignoreMissing);
      return await this.#check(disk, { untouched: false, whole: true, file: join(dir, 'copy') });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  async #check(disk: Disk, how: { untouched: boolean; whole: boolean; file?: string }): Promise<CatalogueVerdict> {
    for (const end of ['', '-wal', '-shm', '-journal']) {
      const facts = await lstat(disk.resolve(`${cataloguePath}${end}`)).catch(ignoreMissing);
      if (facts !== undefined && !facts.isFile()) return { verdict: 'leads-out' };
      if (facts === undefined && end === '') return { verdict: 'damaged' };
    }
    const { libraryMigrationsDir: migrationsDir } = this.#deps;
    return await checkCatalogue({ file: disk.named(cataloguePath), ...how, diskDir: disk.path, migrationsDir });
  }
}

function openState(path: string, migrationsDir: string): Database {
  try {
    return Database.open(path, { migrationsDir, create: false });
  } catch (error) {
    if (!(error instanceof CodedError))
      throw cannot('damaged', 'What is in the copy cannot be read. Try an older one.');
    // The only one of its own: a newer program made it.
    throw cannot(
      'future',
      'A newer Nightjar made this copy. Install that newer version on this box first, then adopt the disk.',
    );
  }
}

const verdicts: Readonly<Record<Exclude<CatalogueVerdict['verdict'], 'ours'>, string>> = {
  damaged:
    'The library’s database on the disk is damaged or cut off. The photos themselves are in plain folders, and can be imported; or attach a mirror.',
  future:
    'A newer Nightjar wrote this library, in a way that this version cannot read. Install that newer version on this box first, then adopt the disk.',
  foreign: 'The library’s database on the disk is not as Nightjar makes it: somebody changed what it does.',
  'leads-out': 'The library on the disk names files that are not on it, or one of its folders is a link.',
};

/** @throws {CodedError} `not-adoptable` */
function ours(verdict: CatalogueVerdict): readonly CataloguePerson[] {
  if (verdict.verdict !== 'ours') throw cannot(verdict.verdict, verdicts[verdict.verdict]);
  return verdict.people;
}
