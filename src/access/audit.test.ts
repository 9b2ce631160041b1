import { afterEach, beforeEach, expect, it } from 'vitest';
import { HouseholdBox } from '../../test/support/household-box.ts';
import { Audit, type AuditEntry } from './audit.ts';
import { csvField } from './audit-log.ts';
import { Refusals } from './refusals.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let box: HouseholdBox;
beforeEach(async () => {
  box = await HouseholdBox.make();
});
afterEach(() => box[Symbol.asyncDispose]());

const record = (audit: Audit, ...entries: AuditEntry[]) =>
  box.state.database.write(() => {
    for (const entry of entries) audit.record(entry);
  });
const count = (event: string) => box.rows('SELECT count(*) AS n FROM audit WHERE event = ?', event);
const total = (event: string) => box.rows('SELECT sum(times) AS n FROM audit WHERE event = ?', event);

it('counts a flood in a few rows an hour, and keeps what people did through any flood', async () => {
  const audit = new Audit(box.state.database, box.state.now, { floodRowsMax: 50, rowsMax: 500, trimEvery: 10 });
  const failed = (person: number): AuditEntry => ({ event: 'sign-in-failed', actor: 'nobody', subject: `p${person}` });
  await record(audit, { event: 'box-painted', actor: `person:${box.owner.id}` });
  for (let again = 0; again < 1_000; again++) await record(audit, failed(1));
  expect([count('sign-in-failed'), total('sign-in-failed')]).toEqual([5, 1_000]);
  box.state.clock.ms += hourMs;
  await record(audit, failed(1));
  expect(count('sign-in-failed')).toBe(6);
  for (let hour = 0; hour < 40; hour++) {
    box.state.clock.ms += hourMs;
    for (let person = 0; person < 20; person++) await record(audit, failed(person), failed(person));
  }
  expect(count('sign-in-failed')).toBeLessThanOrEqual(60);
  expect(count('box-painted')).toBe(1);
});

it('keeps 400 days', async () => {
  const audit = new Audit(box.state.database, box.state.now, { trimEvery: 1 });
  await record(audit, { event: 'box-painted', actor: 'console' });
  const painted = box.state.clock.ms;
  // A clock that is wrong for some hours takes nothing away.
  box.state.clock.ms = painted + 10_000 * dayMs;
  for (let hour = 0; hour < 20; hour++) {
    await record(audit, { event: 'box-haunted', actor: 'console' });
    box.state.clock.ms += hourMs;
  }
  expect(count('box-painted')).toBe(1);
  box.state.clock.ms = painted + 399 * dayMs;
  await record(audit, { event: 'box-used', actor: 'console' });
  box.state.clock.ms += dayMs;
  await record(audit, { event: 'box-opened', actor: 'console' });
  expect(count('box-painted')).toBe(1);
  box.state.clock.ms += 1;
  await record(audit, { event: 'box-closed', actor: 'console' });
  expect([count('box-painted'), count('box-opened')]).toEqual([0, 1]);
});

it('is read in pages, the newest first, with names', async () => {
  const bob = await box.household.addPerson('Bob', box.by);
  const audit = new Audit(box.state.database, box.state.now);
  for (let at = 0; at < 7; at++) {
    await record(audit, { event: `e${at}`, actor: `person:${box.owner.id}`, subject: bob.id, detail: { at } });
  }
  const seen: string[] = [];
  let next: string | null = null;
  do {
    const page: ReturnType<typeof box.auditLog.page> = box.auditLog.page(next ?? undefined, 3);
    seen.push(...page.entries.map(({ event }) => event));
    next = page.next;
  } while (next !== null);
  expect(seen.slice(0, 8)).toEqual(['e6', 'e5', 'e4', 'e3', 'e2', 'e1', 'e0', 'person-added']);
  expect(new Set(seen).size).toBe(seen.length);
  expect(box.auditLog.page(undefined, 1).entries).toMatchObject([
    { actorName: 'Anna', subjectName: 'Bob', detail: { at: 6 }, times: 1 },
  ]);
  expect(() => box.auditLog.page('1; DROP TABLE audit', 3)).toThrow(
    expect.objectContaining({ code: 'invalid-request' }),
  );
});

it('is exported without a formula, a line break or a control character of strangers', async () => {
  const bad = '=HYPERLINK("http://x","y")\r\n2026,"forged"\u001b[2J\u202e';
  const audit = new Audit(box.state.database, box.state.now);
  await record(audit, { event: 'tried', actor: 'nobody', subject: bad, detail: { browser: bad } });
  const whole = async (form: 'csv' | 'jsonl') => {
    let text = '';
    for await (const piece of box.auditLog.export(form)) text += piece;
    return text;
  };
  const csv = await whole('csv');
  const lines = csv.split('\r\n');
  expect(lines).toHaveLength(box.rows('SELECT count(*) AS n FROM audit') + 2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  expect(csv.replaceAll('\r\n', '')).not.toMatch(/[\u0000-\u001f\u202e]/);
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^("(?!\s*[=+@-])([^"]|"")*",?){8}$/);
  const json = (await whole('jsonl')).trimEnd().split('\n');
  expect(json).toHaveLength(lines.length - 2);
  expect(JSON.parse(json.at(-1) ?? '')).toMatchObject({ event: 'tried', subject: bad, detail: { browser: bad } });
  for (const evil of ['=1', '+1', '-1', '@x', ' =1', "'=1", '\t=1', '|x', '%0']) {
    expect(csvField(evil)).toMatch(/^"('|\\u0009)/);
  }
  expect(csvField('a "quoted" name')).toBe('"a ""quoted"" name"');
});

it('has what known callers were refused, gathered, and not what strangers were', async () => {
  const { database } = box.state;
  const log = { warn: () => undefined };
  const refusals = new Refusals({ database, record: (entry) => box.access.record(entry), log, gatherMs: 60_000 });
  for (let again = 0; again < 30; again++) refusals.note(box.by, 404, 'GET /api/assets/:id/original');
  refusals.note(box.by, 403, 'GET /api/people');
  refusals.note({ kind: 'phone', phoneId: 'p', personId: 'x', phoneName: 'Pixel' }, 403, 'GET /api/people');
  refusals.note(box.by, 500, 'GET /api/people');
  refusals.note({ kind: 'nobody' }, 403, 'GET /api/people');
  expect(count('access-refused')).toBe(0);
  await refusals.close();
  expect(count('access-refused')).toBe(3);
  expect(box.auditLog.page(undefined, 3).entries.map(({ actor, detail }) => ({ actor, detail }))).toEqual([
    { actor: 'phone:p', detail: { status: 403, route: 'GET /api/people', count: 1 } },
    { actor: `person:${box.owner.id}`, detail: { status: 403, route: 'GET /api/people', count: 1 } },
    { actor: `person:${box.owner.id}`, detail: { status: 404, route: 'GET /api/assets/:id/original', count: 30 } },
  ]);
});
