/**
 * What an import came to so far, by kind, and what somebody should look at. As many numbers as there are reasons, and a
 * list with an end.
 */
import type { MediaKind } from '../library/media-kinds.ts';
import type { ImportReport } from './contract.ts';
import { type LeftOutReason, problemReasons } from './names.ts';

const problemsMax = 200;
const pathLettersMax = 400;

export class Tally {
  readonly #report: ImportReport = emptyReport();
  /** Files that were looked at, whatever became of them. */
  seen = 0;

  imported(kind: MediaKind, bytes: number): void {
    this.#count(this.#report.imported, kind, bytes);
  }

  had(kind: MediaKind, bytes: number): void {
    this.#count(this.#report.had, kind, bytes);
  }

  leftOut(path: string, reason: LeftOutReason, kind: MediaKind): void {
    this.seen += 1;
    const { leftOut, problems } = this.#report;
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
    if (!problemReasons.has(reason)) return;
    if (problems.length < problemsMax) problems.push({ path: path.slice(0, pathLettersMax), reason, kind });
    else this.#report.problemsMore += 1;
  }

  get report(): ImportReport {
    return this.#report;
  }

  #count(of: ImportReport['imported'], kind: MediaKind, bytes: number): void {
    this.seen += 1;
    of[kind].files += 1;
    of[kind].bytes += bytes;
  }
}

export function emptyReport(): ImportReport {
  const none = () => ({ files: 0, bytes: 0 });
  const kinds = () => ({ photo: none(), video: none(), sidecar: none(), file: none() });
  return { imported: kinds(), had: kinds(), leftOut: {}, problems: [], problemsMore: 0 };
}
