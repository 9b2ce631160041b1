import { createHash } from 'node:crypto';
import { OneTimeCodes } from '../../src/access/one-time-codes.ts';
import { type FactorOptions, RecoveryCodes } from '../../src/access/recovery-codes.ts';
import { codeOfStep, stepOf } from '../../src/access/totp.ts';
import type { HalfwayCaller, PersonCaller } from '../../src/http/caller.ts';
import { CodedError } from '../../src/platform/errors.ts';
import { BoxState } from './box-state.ts';

export const anna: PersonCaller = { kind: 'person', personId: 'anna', role: 'owner', sessionId: 'here' };
export const bert: PersonCaller = { kind: 'person', personId: 'bert', role: 'member', sessionId: 'there' };

export function halfway(stage: HalfwayCaller['stage'], sessionId = 'coming'): HalfwayCaller {
  return { kind: 'halfway', personId: 'anna', role: 'owner', sessionId, stage };
}

/** A real box state with Anna (owner) and Bert; what the parts around factors were told is kept. */
export class FactorBox extends BoxState {
  readonly told: string[] = [];
  /** Sessions that have just confirmed. */
  readonly confirmed = new Set(['here', 'there']);
  policyRequires = false;
  #drawn = 0;
  #parts: { codes: OneTimeCodes; recovery: RecoveryCodes } | undefined;

  get options(): FactorOptions {
    return {
      database: this.database,
      now: this.now,
      randomBytes: this.#randomBytes,
      record: ({ event, actor }) => void this.told.push(`audit ${event} by ${actor}`),
      notify: (personId, kind) => void this.told.push(`notice ${kind} to ${personId}`),
      requireConfirmed: ({ sessionId }) => {
        if (!this.confirmed.has(sessionId)) throw new CodedError('confirm-first', 'Confirm first.');
      },
      hasSecondFactor: (personId) => this.codes.count(personId) > 0,
      onFactorChanged: (personId, keep) => {
        if (this.policyRequires && this.codes.count(personId) === 0) throw new CodedError('conflict', 'The last one.');
        this.told.push(`sessions of ${personId} end but ${keep}`);
      },
    };
  }

  get codes(): OneTimeCodes {
    return this.#open().codes;
  }

  get recovery(): RecoveryCodes {
    return this.#open().recovery;
  }

  /** As a restart would leave it. */
  async reopen(): Promise<void> {
    await this.stop();
    this.#parts = undefined;
  }

  count(table: string): number {
    return this.database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n ?? -1;
  }

  /** Anna's authenticator, confirmed by the code of now; the clock then stands at the beginning of a later step. */
  async withAuthenticator(
    caller: PersonCaller = anna,
  ): Promise<{ id: string; secret: Buffer; recoveryCodes: string[] }> {
    const { id } = await this.codes.begin(caller, 'Phone');
    const secret = this.secretOf(id);
    const { recoveryCodes } = await this.codes.confirm(caller, id, this.codeNow(secret));
    this.clock.ms = (stepOf(this.clock.ms) + 100) * 30_000;
    return { id, secret, recoveryCodes };
  }

  secretOf(id: string): Buffer {
    return (
      this.database.get<{ secret: Buffer }>('SELECT secret FROM authenticator WHERE id = ?', id)?.secret ?? Buffer.of()
    );
  }

  /** What an app shows whose clock is `stepsAway` steps ahead of the box's. */
  codeNow(secret: Buffer, stepsAway = 0): string {
    return codeOfStep(secret, stepOf(this.clock.ms) + stepsAway);
  }

  take(code: string, personId = 'anna') {
    return this.database.write(() => this.codes.take(personId, code));
  }

  /** The same in every run: of random secrets, now and then two steps have the same code. */
  readonly #randomBytes = (size: number): Buffer => {
    this.#drawn += 1;
    return createHash('shake256', { outputLength: size }).update(`${this.#drawn}`).digest();
  };

  #open(): { codes: OneTimeCodes; recovery: RecoveryCodes } {
    if (this.#parts !== undefined) return this.#parts;
    for (const [id, role] of [
      ['anna', 'owner'],
      ['bert', 'member'],
    ]) {
      const sql =
        'INSERT OR IGNORE INTO person (id, name, name_key, folder, role, created_at) VALUES (?, ?, ?, ?, ?, 0)';
      this.database.run(sql, id, id, id, id, role);
    }
    const recovery = new RecoveryCodes(this.options);
    const codes = new OneTimeCodes({ ...this.options, boxName: () => 'nightjar', recoveryCodes: recovery });
    this.#parts = { codes, recovery };
    return this.#parts;
  }
}
