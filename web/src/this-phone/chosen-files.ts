/**
 * What was chosen in the picker, before anything is sent: whether the phone gives it at all, what the box has of it, and
 * its checksum where that can be had. Keeps no file in memory but a small one while it is hashed.
 */
import { ask, type ReplyOf } from '../ask/ask.ts';
import { backup } from '../text/en/backup.ts';

export const chosenMax = 10_000;
/** A checksum takes the whole file in memory (SubtleCrypto has no streams): larger ones go without. */
const hashBytesMax = 32 * 1024 * 1024;
const readersMax = 4;
const checkedAtOnceMax = 500;
const pictureOrVideo = /^(image|video)\//;

type Item = { readonly file: File; readonly path: string; sha256?: string };
type Answer = ReplyOf<'POST /api/phone/items/check'>['answers'][number];

/** What a file is to the box, as far as a picker tells: name, size and time. */
export function identityOf({ name, size, lastModified }: File): string {
  return `${size} ${lastModified} ${name}`;
}

/** Why this file cannot be sent; undefined: it can. Looks whether the phone gives it at all. */
export async function whyNot(file: File): Promise<string | undefined> {
  if (file.size === 0) return pictureOrVideo.test(file.type) ? backup.empty : undefined;
  try {
    // What is only in a cloud, or gone, fails here and not after an hour.
    await file.slice(0, 1).arrayBuffer();
    return undefined;
  } catch {
    return backup.unreadable;
  }
}

/** SHA-256 in hexadecimal; undefined for what is too large, or cannot be read. */
export async function sha256Of(file: File): Promise<string | undefined> {
  if (file.size > hashBytesMax) return undefined;
  try {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
    return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    return undefined;
  }
}

/**
 * Asks the box what it has of these, in the same order. Where only the bytes can tell (two of one name, size and time; a
 * file of this size is there already) their checksum is asked along.
 * @throws {Refusal} `silent` when the box does not answer
 */
export async function whatTheBoxHas(items: readonly Item[], token: string): Promise<Answer[]> {
  const seen = new Map<string, number>();
  for (const { file } of items) seen.set(identityOf(file), (seen.get(identityOf(file)) ?? 0) + 1);
  const twins = items.filter(({ file }) => (seen.get(identityOf(file)) ?? 0) > 1);
  await withReaders(twins, async (item) => hash(item));
  const answers = await check(items, token);
  const unsure = items.filter((item, at) => answers[at]?.answer === 'send-hash' && item.sha256 === undefined);
  await withReaders(unsure, async (item) => hash(item));
  const again = unsure.filter(({ sha256 }) => sha256 !== undefined);
  const better = await check(again, token);
  for (const [at, item] of again.entries()) {
    const answer = better[at];
    if (answer !== undefined) answers[items.indexOf(item)] = answer;
  }
  return answers;
}

async function hash(item: Item): Promise<void> {
  const sha256 = await sha256Of(item.file);
  if (sha256 !== undefined) item.sha256 = sha256;
}

async function check(items: readonly Item[], token: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < items.length; from += checkedAtOnceMax) {
    const told = items.slice(from, from + checkedAtOnceMax).map(({ file, path, sha256 }) => ({
      path,
      size: file.size,
      mtime: file.lastModified,
      ...(sha256 === undefined ? {} : { sha256 }),
    }));
    const reply = await ask('POST /api/phone/items/check', { body: { origin: 'browser', items: told }, token });
    answers.push(...reply.answers);
  }
  return answers;
}

/** Runs `read` for each, a few at a time. */
export async function withReaders<T>(items: readonly T[], read: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const reader = async () => {
    for (const item of rest) await read(item);
  };
  await Promise.all(Array.from({ length: readersMax }, reader));
}
