import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Access, type AccessOptions, type Person } from '../../src/access/access.ts';
import { addPerson } from '../../src/access/household.ts';
import { Database } from '../../src/platform/database.ts';

export const goodPassword = 'four words are quite fine';
export const setupCode = '7KQ4-M2XD-PRESET';

/** A real box state in a folder of its own, with a clock that tests turn. `reopen` is a restart. */
export class BoxState {
  readonly dir = mkdtempSync(join(tmpdir(), 'nightjar-state-'));
  /** 21 November 2026, noon. */
  readonly clock = { ms: Date.UTC(2026, 10, 21, 12) };
  readonly now = () => this.clock.ms;
  readonly log = pino({ level: 'silent' });
  #database: Database | undefined;
  #access: Access | undefined;

  get database(): Database {
    this.#database ??= Database.open(join(this.dir, 'nightjar.sqlite'), {
      migrationsDir: new URL('../../src/schema/box-state', import.meta.url).pathname,
      create: true,
    });
    return this.#database;
  }

  async openAccess(options: Partial<AccessOptions> = {}): Promise<Access> {
    this.#access = new Access({
      database: this.database,
      stateDir: this.dir,
      boxName: () => 'nightjar',
      setupCode,
      onClaimed: async () => undefined,
      now: this.now,
      randomBytes,
      log: this.log,
      ...options,
    });
    await this.#access.open();
    return this.#access;
  }

  /** An opened access with Anna as owner. */
  async openClaimed(): Promise<{ access: Access; owner: Person }> {
    const access = await this.openAccess();
    const { person } = await access.claim({ code: setupCode, person: 'Anna', password: goodPassword }, undefined);
    return { access, owner: person };
  }

  /** A member, added at the console of the access that was opened last. */
  async addPerson(name: string): Promise<Person> {
    if (this.#access === undefined) throw new Error('Nothing is open.');
    return await addPerson(this.#access.parts.options, name, { kind: 'console' });
  }

  async stop(): Promise<void> {
    await this.#access?.stop();
    this.#access = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true });
  }
}

/** The code of the error with which `promise` fails; `none` when it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
