/** `nightjar phones`: the phones of the house, another name for one, and the end of one. */

import type { PhoneView } from '../phones/contract.ts';
import type { Static } from '../platform/schema.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { moment, table } from './print.ts';
import type { Terminal } from './terminal.ts';

type Phone = Static<typeof PhoneView>;

/** A night takes its time: until then nobody is told that a phone is late. */
const lateAfterMs = 60 * 60_000;

export async function listPhones(json: boolean, box: BoxSocket, terminal: Terminal): Promise<void> {
  const phones = await askPhones(box);
  if (json) return terminal.out(JSON.stringify({ phones }));
  const rows = phones.map((phone) => [
    phone.name,
    phone.person,
    client(phone),
    moment(phone.lastSeenAt),
    expected(phone, terminal.now()),
    phone.id,
  ]);
  const head = ['PHONE', 'PERSON', 'CLIENT', 'LAST SEEN', 'NEXT EXPECTED', 'ID'];
  terminal.out(phones.length === 0 ? 'No phone yet. Pair one with "nightjar pair".' : table(head, rows));
}

type Rename = Readonly<{ which: string; name: string; json: boolean }>;

export async function renamePhone(asked: Rename, box: BoxSocket, terminal: Terminal): Promise<void> {
  const { id, name: before } = await findPhone(asked.which, box);
  const phone = (await box.ask('PATCH', pathOf(id), { name: asked.name })) as Phone;
  if (asked.json) return terminal.out(JSON.stringify({ phone }));
  terminal.out(`${before} is called ${phone.name} now. Its photos stay where they are.`);
}

type Revoke = Readonly<{ which: string; json: boolean }>;

export async function revokePhone(asked: Revoke, box: BoxSocket, terminal: Terminal): Promise<void> {
  const { id, name } = await findPhone(asked.which, box);
  await box.ask('DELETE', pathOf(id));
  if (asked.json) return terminal.out(JSON.stringify({ revoked: id }));
  terminal.out(`${name} can no longer reach the box. Its photos stay.`);
}

async function askPhones(box: BoxSocket): Promise<Phone[]> {
  return ((await box.ask('GET', '/api/phones')) as { phones: Phone[] }).phones;
}

/** By its id, or by its name, whatever its case. @throws {Failure} when there is none, or more than one of that name. */
async function findPhone(which: string, box: BoxSocket): Promise<Phone> {
  const phones = await askPhones(box);
  const byId = phones.find(({ id }) => id === which);
  if (byId !== undefined) return byId;
  const [phone, ...more] = phones.filter(({ name }) => plain(name) === plain(which));
  if (phone === undefined) {
    throw new Failure(
      `There is no phone called “${which}” on this box. Nothing was changed. "nightjar phones" lists them.`,
    );
  }
  if (more.length > 0) {
    const ids = [phone, ...more].map(({ id, person }) => `  ${id}  of ${person}`);
    throw new Failure(
      [`${ids.length} phones are called “${phone.name}”. Nothing was changed. Say which by its ID:`, ...ids].join('\n'),
    );
  }
  return phone;
}

function plain(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

function pathOf(id: string): string {
  return `/api/phones/${encodeURIComponent(id)}`;
}

function client({ client: name, clientVersion }: Phone): string {
  return [name ?? 'unknown', clientVersion ?? ''].join(' ').trim();
}

/** By the phone's own word; nothing is made up for one that gave none. */
function expected({ nextAt, plannedAt, tells }: Phone, now: number): string {
  if (nextAt !== null) return nextAt + lateAfterMs < now ? `late: ${moment(nextAt)}` : moment(nextAt);
  if (plannedAt !== null) return 'no schedule';
  return tells.includes('next-night') ? 'not told yet' : 'does not tell';
}
