/** What the box acknowledged of one upload, and what may follow from a request. It asks nobody. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Fact, Mutation } from './mutations-steps.ts';
import type { WireRequest } from './mutations-wire.ts';

/** A promise that the box broke. */
export class Broken extends Error {
  constructor(message: string) {
    super(`Broken promise: ${message}`);
    this.name = 'Broken';
  }
}

export type Model = {
  location: string;
  length: number;
  /** The last offset that the box reported. */
  offset: number;
  content: Buffer;
  /** What the last byte may be, when it was sent more than once before the file was finished. */
  lastBytes: Set<number>;
  /** Bytes came whose meaning the request left unclear: only the catalogue can tell what is in the file. */
  unclear: boolean;
  /** It may be gone: its own checksum is wrong, or it was asked to end in a way whose answer cannot be read. */
  mayEnd: boolean;
  /** Whether the checksum that it was begun with can be right. */
  checksumWrong: boolean;
  state: 'open' | 'finished' | 'ended';
};

/** Writes into the model what the box took of `conveyed`. */
export function note(upload: Model, before: number, now: number, conveyed: Buffer | undefined): void {
  const taken = now - before;
  if (conveyed === undefined) {
    upload.unclear = true;
  } else if (conveyed.length >= taken) {
    conveyed.copy(upload.content, before, 0, taken);
    if (before < upload.length - 1) upload.lastBytes.clear();
    if (now === upload.length - 1 && conveyed.length > taken) upload.lastBytes.add(conveyed[taken] ?? 0);
  } else if (!(now === upload.length && taken === 1 && upload.lastBytes.size > 0)) {
    throw new Broken(`${conveyed.length} bytes were sent, and the offset went from ${before} to ${now}`);
  } else {
    upload.content[before] = [...upload.lastBytes][0] ?? 0;
  }
}

function contents({ content, lastBytes, length }: Model): string[] {
  const lasts = length === 0 ? [] : [content[length - 1] ?? 0, ...lastBytes];
  const candidates =
    length === 0
      ? [content]
      : lasts.map((last) => Buffer.concat([content.subarray(0, length - 1), Buffer.from([last])]));
  return candidates.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
}

/** The bytes that a request can bring, in order; undefined when its own framing was changed. */
export function conveyedBy({ headers, body, framing }: WireRequest): Buffer | undefined {
  if (headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))) return undefined;
  if (framing === 'silent') return Buffer.alloc(0);
  const half = ['cut', 'torn', 'announced-short'].includes(framing);
  return half ? body.subarray(0, body.length >> 1) : body;
}

export function touches(wire: Mutation, header: string): boolean {
  return wire.changes.some(({ name }) => name.toLowerCase() === header);
}

export function idOf({ location }: Model): string {
  return location.split('/').at(-1) ?? '';
}

/** The path that these facts give; null when it is no text, undefined when that is not for the model to say. */
export function pathOf(facts: readonly Fact[]): string | null | undefined {
  const named = (name: string) => facts.find(({ key }) => key.trim() === name);
  const given = named('path') ?? named('filename');
  if (given === undefined) return null;
  if (given.encoded !== undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given.value);
  } catch {
    return null;
  }
}

export function leadsAway(path: string | null | undefined): boolean {
  if (path === undefined) return false;
  return path === null || path.includes('\0') || path.split('/').some((part) => ['', '.', '..'].includes(part));
}

/** Whether these facts bring a checksum that cannot be right: the recipes know none that is. */
export function bringsWrongChecksum(facts: readonly Fact[]): boolean {
  return facts.some(({ key, value }) => key === 'sha256' && value.length === 64);
}

type FinishedRow = { state: string; size: number; sha256: string };

/** Which of the finished uploads are not in the catalogue as they were sent, a sentence each. */
export function wrongInCatalogue(diskDir: string, finished: readonly Model[]): string[] {
  const catalogue = new Sqlite(join(diskDir, '.nightjar/library.sqlite'), { readonly: true });
  try {
    const find = catalogue.prepare<[string], FinishedRow>(
      `SELECT upload.state, asset.size, lower(hex(sha256)) AS sha256
       FROM upload JOIN asset ON asset.id = asset_id WHERE upload.id = ?`,
    );
    return finished.flatMap((upload) => {
      const row = find.get(idOf(upload));
      if (row?.state !== 'finished' || row.size !== upload.length) return [`not in the catalogue: ${upload.location}`];
      const asSent = upload.unclear || contents(upload).includes(row.sha256);
      return asSent ? [] : [`other bytes than were sent: ${upload.location}`];
    });
  } finally {
    catalogue.close();
  }
}

/** The uploads of a phone that the catalogue has as unfinished. */
export function openUploads(diskDir: string, phoneId: string): string[] {
  const catalogue = new Sqlite(join(diskDir, '.nightjar/library.sqlite'), { readonly: true });
  try {
    return catalogue
      .prepare<[string], { id: string }>("SELECT id FROM upload WHERE state = 'receiving' AND phone_id = ?")
      .all(phoneId)
      .map(({ id }) => id);
  } finally {
    catalogue.close();
  }
}
