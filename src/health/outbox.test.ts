import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Database } from '../platform/database.ts';
import { ChannelsStore } from './channels-store.ts';
import type { Message } from './message.ts';
import { Outbox } from './outbox.ts';

const hourMs = 3_600_000;

test('one message that the other side never takes does not keep the others', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-outbox-'));
  const migrationsDir = join(import.meta.dirname, '../schema/box-state');
  const database = Database.open(join(dir, 'box.sqlite'), { migrationsDir, create: true });
  let now = Date.parse('2026-06-10T08:00Z');
  const tried: string[] = [];
  const outbox = new Outbox({
    database,
    rows: new ChannelsStore(database),
    send: async (_kind, { subject }) => {
      tried.push(subject);
      if (subject === 'too long') throw new Error('The other side answered 413.');
    },
    now: () => now,
    log: pino({ enabled: false }),
  });
  try {
    const message = (subject: string): Message => ({
      ...{ kind: 'alert', subject, body: '', severity: 'act', at: now, facts: {} },
    });
    await database.write(() => {
      for (const subject of ['too long', 'the disk fails']) outbox.putInWrite('webhook', message(subject));
    });
    for (let hour = 0; hour < 24; hour += 1) {
      await outbox.flush();
      now += hourMs;
    }
    expect(tried.filter((subject) => subject === 'the disk fails')).toHaveLength(1);
    // It is kept, and waits longer and longer.
    expect(tried.length).toBeLessThan(16);
    expect(database.get('SELECT count(*) AS n FROM outbox')).toEqual({ n: 1 });
    // What was put down by a clock that was years ahead does not wait for that.
    now += 4 * 365 * 24 * hourMs;
    await database.write(() => outbox.putInWrite('webhook', message('the clock was wrong')));
    now -= 4 * 365 * 24 * hourMs;
    await outbox.flush();
    expect(tried).toContain('the clock was wrong');
  } finally {
    database.close();
    rmSync(dir, { recursive: true });
  }
});
