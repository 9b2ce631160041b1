/** Approvals on a real box state: Anna with a phone that can approve, and browsers of hers that got the password right. */
import { randomBytes } from 'node:crypto';
import type { Access, Person } from '../../src/access/access.ts';
import { Approvals } from '../../src/access/approvals.ts';
import type { ApprovalEvent } from '../../src/access/approvals-contract.ts';
import { Approvers } from '../../src/access/approvers.ts';
import type { AuditEntry } from '../../src/access/audit.ts';
import type { HalfwayCaller, PersonCaller, PhoneCaller } from '../../src/http/caller.ts';
import { CodedError } from '../../src/platform/errors.ts';
import { ApproverKey } from './approver-phone.ts';
import type { BoxState } from './box-state.ts';

export const origin = 'https://nightjar.local:8443';
export const place = { userAgent: 'Mozilla/5.0 (Windows NT 10.0) Chrome/150.0', address: '192.168.1.23', known: false };

export class ApprovalWorld {
  readonly told: Array<{ personId: string } & ApprovalEvent> = [];
  readonly notices: Array<{ personId: string; kind: string }> = [];
  readonly recorded: AuditEntry[] = [];
  /** What the factors were told: added, removed, lost. */
  readonly factors: string[] = [];
  readonly box: BoxState;
  readonly owner: Person;
  confirmed = true;
  hasFactor = false;
  approvers: Approvers;
  approvals: Approvals;
  #access: Access;
  #phones = 0;

  private constructor(box: BoxState, access: Access, owner: Person) {
    this.box = box;
    this.#access = access;
    this.owner = owner;
    [this.approvers, this.approvals] = this.#open();
  }

  static async make(box: BoxState): Promise<ApprovalWorld> {
    const { access, owner } = await box.openClaimed();
    return new ApprovalWorld(box, access, owner);
  }

  /** As after a SIGKILL: everything anew from what is on the disk. */
  async restart(): Promise<void> {
    this.approvals.close();
    await this.box.stop();
    this.#access = await this.box.openAccess();
    [this.approvers, this.approvals] = this.#open();
  }

  get caller(): PersonCaller {
    return { kind: 'person', personId: this.owner.id, role: 'owner', sessionId: 'open-session' };
  }

  async phone(name = 'Pixel'): Promise<PhoneCaller> {
    const phoneId = `phone-${++this.#phones}`;
    const sql = 'INSERT INTO phone (id, person_id, name, base_folder, created_at) VALUES (?, ?, ?, ?, ?)';
    const { database } = this.box;
    await database.write(() => database.run(sql, phoneId, this.owner.id, name, 'Photos/Anna', this.box.now()));
    return { kind: 'phone', phoneId, personId: this.owner.id, phoneName: name };
  }

  /** A phone with its key registered. */
  async approver(name = 'Pixel'): Promise<{ phone: PhoneCaller; key: ApproverKey }> {
    const [phone, key] = [await this.phone(name), await ApproverKey.make()];
    await this.approvers.register(this.caller, { publicKey: key.publicKey, phoneId: phone.phoneId });
    return { phone, key };
  }

  /** A browser that got the password right. */
  async halfway(sessionId: string): Promise<HalfwayCaller> {
    const { database } = this.box;
    const sql = `INSERT INTO session (id, token_sha256, person_id, user_agent, address, created_at, last_used_at, expires_at,
      stage) VALUES (?, ?, ?, '', '', 0, 0, 9e15, 'second-factor')`;
    await database.write(() => database.run(sql, sessionId, randomBytes(32), this.owner.id));
    return { kind: 'halfway', personId: this.owner.id, role: 'owner', sessionId, stage: 'second-factor' };
  }

  /** What sign-in does with an approval: takes it, and replaces the session's row, in one write. */
  async finish(sessionId: string, id: string): Promise<void> {
    const { database } = this.box;
    await database.write(() => {
      this.approvals.takeInWrite(sessionId, id);
      database.run("UPDATE session SET stage = 'open' WHERE id = ?", sessionId);
    });
  }

  #open(): [Approvers, Approvals] {
    const { database, now } = this.box;
    const part = {
      database,
      now,
      randomBytes,
      record: (entry: AuditEntry) => void this.recorded.push(entry),
      notify: (personId: string, kind: string) => void this.notices.push({ personId, kind }),
    };
    const approvers = new Approvers({
      ...part,
      factors: {
        has: () => this.hasFactor,
        addedInWrite: (_personId, sessionId) => void this.factors.push(`added ${sessionId}`),
        removedInWrite: (_personId, sessionId) => void this.factors.push(`removed ${sessionId}`),
        lostInWrite: (_personId, sessionId) => void this.factors.push(`lost ${sessionId}`),
      },
      recoveryCodes: this.#access.parts.recoveryCodes,
      livingPhone: (id) =>
        database.get('SELECT person_id AS personId, name FROM phone WHERE id = ? AND revoked_at IS NULL', id),
      renewPageTokenInWrite: (id) => `token of ${id}`,
      requireConfirmed: () => {
        if (!this.confirmed) throw new CodedError('confirm-first', 'Confirm first.');
      },
    });
    const approvals = new Approvals({
      ...part,
      isOwnOrigin: (one) => one === origin,
      inHomeNetwork: (address) => address.startsWith('192.168.'),
      tell: (personId, event) => void this.told.push({ personId, ...event }),
      endSessionInWrite: (_personId, id) => void database.run('DELETE FROM session WHERE id = ?', id),
    });
    return [approvers, approvals];
  }
}
