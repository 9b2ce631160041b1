/** Cuts what is to come back into rounds that the system takes. Pure. */
export type RestoreEntry = Readonly<{ id: number; name: string; mediaType: string; size: number; isPair: boolean }>;
/** `share`: files for the share sheet. `zip`: one archive. `file`: one file, downloaded as it is. */
export type Round = Readonly<{ by: 'share' | 'zip' | 'file'; entries: readonly RestoreEntry[]; bytes: number }>;

/** Blink refuses shares above these. */
const shareFilesMax = 10;
const shareBytesMax = 50_000_000;
/** A browser holds a download that it asked for by script, so an archive must not be any size. */
const zipBytesMax = 400_000_000;
const zipFilesMax = 1_000;

/** `canShare`: the share sheet is there and takes files. */
export function planRounds(entries: readonly RestoreEntry[], canShare: boolean): Round[] {
  if (!canShare) return zipped(entries);
  const pairs = entries.filter(({ isPair }) => isPair);
  const large = entries.filter(({ isPair, size }) => !isPair && size > shareBytesMax);
  const shared = entries.filter(({ isPair, size }) => !isPair && size <= shareBytesMax);
  return [
    ...inRounds(shared, 'share', shareFilesMax, shareBytesMax),
    ...inRounds(large, 'file', 1, Number.POSITIVE_INFINITY),
    ...zipped(pairs),
  ];
}

function zipped(entries: readonly RestoreEntry[]): Round[] {
  return inRounds(entries, 'zip', zipFilesMax, zipBytesMax);
}

function inRounds(entries: readonly RestoreEntry[], by: Round['by'], filesMax: number, bytesMax: number): Round[] {
  const rounds: { by: Round['by']; entries: RestoreEntry[]; bytes: number }[] = [];
  for (const entry of entries) {
    const last = rounds.at(-1);
    if (last !== undefined && last.entries.length < filesMax && last.bytes + entry.size <= bytesMax) {
      last.entries.push(entry);
      last.bytes += entry.size;
    } else rounds.push({ by, entries: [entry], bytes: entry.size });
  }
  return rounds;
}
