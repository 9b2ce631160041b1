/**
 * Says what a catalogue is that came with somebody else's disk, before the box opens it as its own: in a thread of its own,
 * which holds up nobody and gives its memory back.
 */
import { Worker } from 'node:worker_threads';
import { CodedError } from '../platform/errors.ts';

export type CatalogueOrder = Readonly<{
  /** The catalogue, or a copy of it with its log. */
  file: string;
  diskDir: string;
  migrationsDir: string;
  /** True: nothing is left beside the file, and its log is not read. */
  untouched: boolean;
  /** True: everything in it is looked at; else its people's files are counted. */
  whole: boolean;
}>;
export type CataloguePerson = Readonly<{ id: string; name: string; folder: string; files: number }>;
/**
 * `ours`: also where a newer program made it, said that this one may use it, and only added to it. `future`: any other of a
 * newer program. `foreign`: it has other tables, triggers or views than ours. `leads-out`: it names files that are not on the
 * disk, or a folder of the library is a link. `people`: everybody who ever had photos on it, with the number of their files.
 */
export type CatalogueVerdict =
  | Readonly<{ verdict: 'ours'; people: readonly CataloguePerson[] }>
  | Readonly<{ verdict: 'damaged' | 'future' | 'foreign' | 'leads-out' }>;

/** A million rows are read in less than a minute, also from a slow disk. */
const checkMsMax = 10 * 60_000;
const heapMiBMax = 64;

/** @throws {CodedError} `busy` when it takes too long */
export async function checkCatalogue(order: CatalogueOrder): Promise<CatalogueVerdict> {
  const worker = new Worker(new URL('./catalogue-check-worker.ts', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<CatalogueVerdict>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => resolve({ verdict: 'damaged' }));
      timer = setTimeout(() => {
        reject(new CodedError('busy', 'Reading the disk takes too long. Nothing was changed; try again.'));
      }, checkMsMax);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
