/**
 * What keeps the photos and the box as they are, put together: reading the originals again, and the sealed copies of the
 * box state. A part of the composition root, which alone calls it.
 */
import { randomBytes } from 'node:crypto';
import type { Admission } from './admission.ts';
import { BoxCopies, type BoxCopyState } from './copies/box-copies.ts';
import { boxCopiesRoutes } from './copies/box-copies-routes.ts';
import { Verification } from './copies/verification.ts';
import { verificationRoutes } from './copies/verification-routes.ts';
import type { Routes } from './http/contract.ts';
import type { OpenLibrary } from './library/open-library.ts';
import type { Database } from './platform/database.ts';
import type { JobHandler } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import type { Presence } from './presence.ts';
import type { Storage } from './storage.ts';

type CopiesDeps = Readonly<{
  storage: Pick<Storage, 'library' | 'uploads' | 'pictures'>;
  admission: Admission;
  presence: Presence;
  database: Database;
  stateDir: string;
  boxId: string;
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  now: () => number;
  log: Logger;
}>;

/** After a picture was asked for, the next one is. */
const lookedAtMs = 5_000;
/** Of what is lost, in a report. */
const lostNamedMax = 20;

export class Copies {
  readonly #verification: Verification;
  readonly #boxCopies: BoxCopies;

  constructor({ storage, admission, presence, nightSince, now, log, ...box }: CopiesDeps) {
    const { library, uploads, pictures } = storage;
    this.#verification = new Verification({
      library,
      nightSince,
      busy: () => uploads.inUse || pictures.lookedAtWithin(lookedAtMs),
      now,
      log,
    });
    this.#boxCopies = new BoxCopies({
      ...box,
      library,
      recoveryKey: admission.access.parts.recoveryKey,
      boxName: () => presence.name,
      nightSince,
      reserveBytes: uploads.limits.reserveBytes,
      now,
      randomBytes,
      log,
    });
  }

  /** Before the library is opened. */
  open(): void {
    this.#verification.open();
  }

  routes(): Routes[] {
    return [verificationRoutes(this.#verification), boxCopiesRoutes(this.#boxCopies)];
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    return this.#boxCopies.handlers();
  }

  get boxCopy(): BoxCopyState {
    return this.#boxCopies.state;
  }

  /** For the report of a night. */
  verified(open: OpenLibrary, span: { from: number; to: number }) {
    const { files: count, bytes, damaged, lost } = this.#verification.report(open, span, lostNamedMax);
    return { count, bytes, damaged, lost: { count: open.standing.damagedCount(), files: lost } };
  }
}
