import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { OpenLibrary } from '../library/open-library.ts';
import { Database } from '../platform/database.ts';
import { ImportRunner, type RunnerDeps } from './runner.ts';
import { ImportStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'nightjar-runner-'));
const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
const database = Database.open(join(dir, 'library.sqlite'), { migrationsDir, create: true });
afterAll(() => {
  database.close();
  rmSync(dir, { recursive: true, force: true });
});

it('begins nothing more from a disk that is let go of, and goes on with the others', async () => {
  const rows = new ImportStore(database);
  const row = { person_id: 'p', person: 'Alice', name: 'card', folder: '', all_files: 0, by_whom: 'console' };
  const rest = { state: 'running', reason: null, next_at: 0, tries: 0, report: '{}', ended_at: null } as const;
  await database.write(() => {
    for (const [index, source] of ['usb-1', 'usb-1', 'usb-2'].entries())
      rows.begin({ id: `import-${index}`, source, created_at: index, ...row, ...rest });
  });
  expect(rows.next(1_000)?.id).toBe('import-0');
  const library = { state: 'ok', current: () => ({ database }) as OpenLibrary } as RunnerDeps['library'];
  const runner = new ImportRunner({ library, rowsOf: () => rows, now: () => 1_000 } as unknown as RunnerDeps);
  await runner.letGo('usb-1');
  expect(rows.next(1_000)?.id).toBe('import-2');
  expect(rows.next(61_000)?.id).toBe('import-0');
});
