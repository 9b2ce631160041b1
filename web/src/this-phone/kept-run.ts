/**
 * What outlives a tab of a backup: its counts, so that the page can say where it stopped, and where each unfinished
 * upload goes on. Files themselves no browser keeps.
 */
import { defaultOptions } from 'tus-js-client';

export type KeptRun = Readonly<{ phoneId: string; chosen: number; safe: number; refused: number; at: number }>;

const runName = 'nightjar.backup';
const lockName = 'nightjar-backup';
/** As long as the box keeps what is unfinished. */
const urlsKeptMs = 14 * 86_400_000;

export function keptRun(phoneId: string): KeptRun | undefined {
  try {
    const run = JSON.parse(localStorage.getItem(runName) ?? 'null') as KeptRun | null;
    return run?.phoneId === phoneId ? run : undefined;
  } catch {
    return undefined;
  }
}

export function keepRun(run: KeptRun): void {
  try {
    localStorage.setItem(runName, JSON.stringify(run));
  } catch {
    // Then it starts anew after the tab was closed; still nothing is sent twice.
  }
}

export function dropRun(): void {
  try {
    localStorage.removeItem(runName);
  } catch {
    // It was not kept either.
  }
}

/** Holds the right to send until `released` is aborted. False: another tab has it. */
export async function holdRun(released: AbortSignal): Promise<boolean> {
  if (navigator.locks === undefined) return true;
  return await new Promise((resolve) => {
    void navigator.locks.request(lockName, { ifAvailable: true }, async (lock) => {
      resolve(lock !== null);
      if (lock === null || released.aborted) return;
      await new Promise((gone) => released.addEventListener('abort', gone, { once: true }));
    });
  });
}

export async function runsElsewhere(): Promise<boolean> {
  const locks = await navigator.locks?.query().catch(() => undefined);
  return locks?.held?.some(({ name }) => name === lockName) === true;
}

/** Forgets where uploads go on that the box has given up by now. */
export async function dropOldUrls(): Promise<void> {
  const { urlStorage } = defaultOptions;
  for (const { urlStorageKey, creationTime } of await urlStorage.findAllUploads()) {
    if (Date.now() - Date.parse(creationTime) > urlsKeptMs) await urlStorage.removeUpload(urlStorageKey);
  }
}
