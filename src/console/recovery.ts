/**
 * `nightjar reset-password`, `reset-second-factor`, `sessions` and `audit`: what somebody at the box does for a person who
 * is locked out, and what was done.
 */

import type { householdContract } from '../access/household-contract.ts';
import type { Static } from '../platform/schema.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { moment, table } from './print.ts';
import type { Terminal } from './terminal.ts';

type Contract = typeof householdContract;
type Reply<K extends keyof Contract> = Contract[K] extends { reply: infer S extends { '~kind'?: string } }
  ? Static<S>
  : never;
type Person = Reply<'listPeople'>['people'][number];
type Asked = Readonly<{ name: string; json: boolean }>;

export async function resetPassword({ name, json }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const person = await findPerson(name, box);
  const reply = (await box.ask('POST', `${pathOf(person)}/password-reset`)) as Reply<'resetPassword'>;
  if (json) return terminal.out(JSON.stringify(reply));
  terminal.out(`${reply.person} chooses a new password here:`);
  terminal.out(`  ${reply.link}`);
  terminal.out(`or by typing this code on the page /join of the box:`);
  terminal.out(`  ${reply.code}`);
  if (reply.validFrom > terminal.now()) {
    terminal.out(
      `It begins to work at ${moment(reply.validFrom)}, since the second factor was taken away just before.`,
    );
  }
  terminal.out(`It works once, until ${moment(reply.expiresAt)}. Until then the old password works too.`);
  terminal.out('A second factor is still asked for. All devices of this person show that this was done.');
}

export async function resetSecondFactor({ name, json }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const person = await findPerson(name, box);
  const reply = (await box.ask('POST', `${pathOf(person)}/second-factor-reset`)) as Reply<'resetSecondFactor'>;
  if (json) return terminal.out(JSON.stringify(reply));
  if (reply.done) {
    terminal.out(`${reply.person} signs in by password alone now, and has to sign in anew everywhere.`);
  } else {
    terminal.out(
      `The second factor of ${reply.person} goes at ${moment(reply.validFrom)}: the password was reset just`,
    );
    terminal.out('before, and the person is given time to object.');
  }
  terminal.out('All devices of this person show that this was done.');
}

export async function listSessions({ name, json }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const person = await findPerson(name, box);
  const { sessions } = (await box.ask('GET', `${pathOf(person)}/sessions`)) as Reply<'listSessionsOf'>;
  if (json) return terminal.out(JSON.stringify({ sessions }));
  if (sessions.length === 0) return terminal.out(`${person.name} is signed in nowhere.`);
  const rows = sessions.map((one) => [
    plain(one.browser).slice(0, 60),
    one.address,
    one.stage,
    moment(one.createdAt),
    moment(one.lastUsedAt),
  ]);
  terminal.out(table(['BROWSER', 'ADDRESS', 'STATE', 'SIGNED IN', 'LAST USED'], rows));
}

export async function endSessions({ name, json }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const person = await findPerson(name, box);
  const { ended } = (await box.ask('DELETE', `${pathOf(person)}/sessions`)) as Reply<'endSessionsOf'>;
  if (json) return terminal.out(JSON.stringify({ ended }));
  terminal.out(`${ended} of ${person.name}’s sessions ended. They sign in anew everywhere; phones go on.`);
}

/** The newest last, as a log is read. */
export async function showAudit(
  { last, json }: { last: number; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
): Promise<void> {
  const { entries } = (await box.ask('GET', `/api/audit?limit=${last}`)) as Reply<'listAudit'>;
  if (json) return terminal.out(JSON.stringify({ entries }));
  const rows = entries.reverse().map((entry) => [
    moment(entry.at),
    entry.times > 1 ? `${entry.event} (${entry.times} times)` : entry.event,
    plain(entry.actorName ?? entry.actor),
    plain(entry.subjectName ?? ''),
    plain(
      Object.entries(entry.detail)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ).slice(0, 100),
  ]);
  terminal.out(rows.length === 0 ? 'Nothing was done yet.' : table(['WHEN', 'WHAT', 'WHO', 'WHOM', 'MORE'], rows));
}

/** @throws {Failure} when nobody on the box has this name. */
async function findPerson(name: string, box: BoxSocket): Promise<Person> {
  const { people } = (await box.ask('GET', '/api/people')) as Reply<'listPeople'>;
  const key = (text: string) => text.normalize('NFC').trim().toLowerCase();
  const person = people.find((one) => one.removedAt === null && key(one.name) === key(name));
  if (person !== undefined) return person;
  throw new Failure(`Nobody on this box is called “${name}”. Nothing was changed. "nightjar people" lists them.`);
}

function pathOf({ id }: Person): string {
  return `/api/people/${encodeURIComponent(id)}`;
}

/** What strangers sent must not move the cursor of whoever reads it. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
