/** Access with everything that concerns the house, wired as the box wires it, on a real box state. */
import { randomBytes } from 'node:crypto';
import type { Access, Person } from '../../src/access/access.ts';
import { AuditLog } from '../../src/access/audit-log.ts';
import { Household } from '../../src/access/household.ts';
import { Invitations } from '../../src/access/invitations.ts';
import { Recovery } from '../../src/access/recovery.ts';
import type { PersonCaller } from '../../src/http/caller.ts';
import { PhoneEndings } from '../../src/phones/endings.ts';
import { Phones } from '../../src/phones/phones.ts';
import { BoxState } from './box-state.ts';
import { noApprovers } from './no-approvers.ts';

const boxFacts = () => ({
  name: 'nightjar',
  addresses: ['nightjar.local:8443', '10.0.0.7:8443'],
  fingerprint: 'cd'.repeat(32),
});
export const place = { userAgent: 'a browser', address: '10.0.0.9' };

export class HouseholdBox {
  readonly state = new BoxState();
  access!: Access;
  owner!: Person;
  household!: Household;
  invitations!: Invitations;
  recovery!: Recovery;
  auditLog!: AuditLog;
  endings!: PhoneEndings;
  phones!: Phones;

  /** With Anna as owner. */
  static async make(): Promise<HouseholdBox> {
    const box = new HouseholdBox();
    const { access, owner } = await box.state.openClaimed();
    box.access = access;
    box.owner = owner;
    box.#wire();
    return box;
  }

  get by(): PersonCaller {
    return { kind: 'person', personId: this.owner.id, role: 'owner', sessionId: 'none' };
  }

  /** As after a restart. */
  async reopen(): Promise<void> {
    await this.state.stop();
    this.access = await this.state.openAccess();
    this.#wire();
  }

  events(): string[] {
    return this.auditLog
      .page(undefined, 500)
      .entries.map(({ event }) => event)
      .reverse();
  }

  notices(personId: string): string[] {
    return this.access.parts.notices
      .list(personId)
      .map(({ kind }) => kind)
      .reverse();
  }

  rows(query: string, ...values: unknown[]): number {
    return this.state.database.get<{ n: number }>(query, ...values)?.n ?? -1;
  }

  #wire(): void {
    const { database, now, log } = this.state;
    const { options, lock, signIn } = this.access.parts;
    this.endings = new PhoneEndings({ database, now, ...noApprovers });
    this.phones = new Phones({ ...noApprovers, database, access: this.access, boxFacts, now, randomBytes, log });
    this.phones.open();
    this.household = new Household({
      ...options,
      endPhonesInWrite: (id) => this.endings.endInWrite(id),
      gonePhonesInWrite: (id, sessionId) => this.endings.goneInWrite(id, sessionId),
    });
    this.invitations = new Invitations({ ...options, boxFacts, lock, signIn });
    this.recovery = new Recovery({ ...options, invitations: this.invitations });
    this.auditLog = new AuditLog(database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.state[Symbol.asyncDispose]();
  }
}
