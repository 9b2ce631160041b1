/** What a restore asks of the box and hands to the system: entries, files, archives. */
import { ask, Refusal } from '../ask/ask.ts';
import { fetchAsPhone, type OwnPhone } from '../ask/own-phone.ts';
import { restore } from '../text/en/restore.ts';
import type { RestoreEntry, Round } from './restore-plan.ts';

const pageMax = 500;
const entriesMax = 20_000;
const revokeMs = 60_000;

/**
 * What to get back: these months (`yyyy-mm`), all or only what this phone sent.
 * @throws {Refusal} `too-many`: a part of it must never look like all
 */
export async function entriesOf(phone: OwnPhone, months: readonly string[], own: boolean): Promise<RestoreEntry[]> {
  const entries: RestoreEntry[] = [];
  for (const month of months) {
    let cursor: string | undefined;
    do {
      const query = {
        ...(cursor === undefined ? {} : { cursor }),
        ...(own ? { phone: phone.phoneId } : {}),
        ...{ from: `${month}-01`, to: `${month}-${daysIn(month)}`, limit: pageMax },
      };
      const page = await ask('GET /api/timeline', { query, token: phone.token });
      for (const { id, name, mediaType, size, motion } of page.entries) {
        entries.push({ id, name, mediaType, size, isPair: motion?.from === 'pair' });
      }
      if (entries.length > entriesMax) throw new Refusal('too-many', restore.tooMany(entriesMax));
      cursor = page.older ?? undefined;
    } while (cursor !== undefined);
  }
  return entries;
}

function daysIn(month: string): number {
  const [year = 0, of = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, of, 0)).getUTCDate();
}

/** The originals of a round, for the share sheet. */
export async function filesOf(phone: OwnPhone, round: Round, signal: AbortSignal): Promise<File[]> {
  const files: File[] = [];
  for (const { id, name, mediaType } of round.entries) {
    const reply = await fetchAsPhone(phone, '/api/assets/:id/original', { id }, signal);
    if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
    files.push(new File([await reply.blob()], name, { type: mediaType }));
  }
  return files;
}

/** One archive, with the other halves of pairs. Asked for with the phone's credential, which a link cannot carry. */
export async function archiveOf(phone: OwnPhone, round: Round, name: string, signal: AbortSignal): Promise<File> {
  const body = { assets: round.entries.map(({ id }) => id) };
  const { id } = await ask('POST /api/downloads', { body, token: phone.token, signal });
  const reply = await fetchAsPhone(phone, '/api/downloads/:id', { id }, signal);
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
  return new File([await reply.blob()], name, { type: 'application/zip' });
}

/** Hands one file to the browser's downloads. */
export function download(file: File): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), revokeMs);
}

/** Whether the share sheet is there and takes files. */
export function sharesFiles(): boolean {
  const probe = new File(['x'], 'photo.jpg', { type: 'image/jpeg' });
  return navigator.canShare?.({ files: [probe] }) === true;
}
