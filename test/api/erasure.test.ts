/** Deleting a person's data on the whole box, as pages and phones ask for it. What it leaves: src/library/erasure.test.ts. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { Browser } from '../support/browser.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const password = 'quite another set of words';

let app: App;
let alice: Browser;
let bob: Browser;
let bobId: string;
let phone: HandPhone;

beforeEach(async () => {
  app = await App.start();
  alice = new Browser(app);
  const [name, value] = (await app.claim()).split('=', 2);
  alice.cookies.set(name ?? '', value ?? '');
  const added = await alice.ask('POST', '/api/people', { person: 'Bob' });
  const { person, invitation } = added.json() as { person: { id: string }; invitation: { link: string } };
  bobId = person.id;
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  bob = new Browser(app);
  expect((await bob.ask('POST', '/api/invitations/redeem', { secret, password })).status).toBe(201);
  phone = await app.pair('Bob', 'Pixel');
  await phone.send('Documents/letter.txt', Buffer.from('a letter of Bob’s'));
  await (await app.pair('Alice', 'iPhone')).send('Documents/letter.txt', Buffer.from('a letter of Alice’s'));
});
afterEach(() => app[Symbol.asyncDispose]());

const theirs = async () => (await app.filesInView()).filter((file) => file.includes('/Bob/'));
const alices = async () => (await app.filesInView()).filter((file) => file.includes('/Alice/'));

it('takes away one’s own, and tells the phone, which may be paired anew', async () => {
  expect((await bob.ask('DELETE', '/api/me/data', { typed: 'Alice' })).json()).toMatchObject({
    code: 'invalid-request',
  });
  expect(await theirs()).toHaveLength(1);
  expect((await bob.ask('DELETE', '/api/me/data', { typed: 'Bob' })).status).toBe(202);
  await expect.poll(async () => (await bob.ask('GET', '/api/me/data')).json()).toEqual({ erasure: null });
  expect([await theirs(), (await alices()).length]).toEqual([[], 1]);
  // A phone that was put back from a copy of before knows its old credential only.
  const sent = await phone.create(3, { path: 'Documents/later.txt' }, Buffer.from('abc'));
  expect([sent.status, sent.json()]).toMatchObject([410, { code: 'gone' }]);
  const anew = await app.pair('Bob', 'Pixel');
  await anew.send('Documents/letter.txt', Buffer.from('a letter of Bob’s'));
  expect(await theirs()).toHaveLength(1);
  expect(app.ownErrors()).toEqual([]);
});

it('is the owner’s to ask for only once the person was removed', async () => {
  const erase = (by: Browser) => by.ask('POST', `/api/people/${bobId}/delete-data`, { typed: 'Bob' });
  expect([(await erase(alice)).status, (await erase(bob)).status]).toEqual([409, 403]);
  expect(await theirs()).toHaveLength(1);
  expect((await alice.ask('DELETE', `/api/people/${bobId}`)).status).toBe(204);
  expect(await theirs()).toHaveLength(1);
  expect((await erase(alice)).status).toBe(202);
  await expect.poll(theirs).toEqual([]);
  const erasedAt = async () => {
    const { people } = (await alice.ask('GET', '/api/people')).json() as { people: Array<Record<string, unknown>> };
    return people.find(({ id }) => id === bobId)?.['erasedAt'];
  };
  await expect.poll(erasedAt).toBeTypeOf('number');
  expect(await alices()).toHaveLength(1);
  expect((await phone.create(3, { path: 'Documents/later.txt' }, Buffer.from('abc'))).status).toBe(401);
});
