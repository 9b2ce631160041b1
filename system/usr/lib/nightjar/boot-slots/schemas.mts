/**
 * Whether the running version could come back after a new one: its migrations have to be as many as the new one says that a
 * program must know to use what it writes (`compatible-from` in src/schema). Reads the bundle and the app, and writes nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the bundle, as `image/bundle` writes it, and signed with all of it: a line for each database, `library=11`. */
const neededFile = 'compatible-from';

/**
 * The databases that the running version, whose migrations are in `schemaDir`, could not use any more. A bundle from before
 * that file says nothing of it, and is taken as compatible.
 */
export function outOfReach(bundleDir: string, schemaDir: string): string[] {
  const needed = [...readOf(join(bundleDir, neededFile)).matchAll(/^([a-z][a-z-]{0,31})=(\d{1,4})$/gm)];
  return needed
    .filter(([, name = '', from]) => (migrationsIn(join(schemaDir, name)) ?? Number.POSITIVE_INFINITY) < Number(from))
    .map(([, name = '']) => name);
}

function readOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** As `src/platform/migrations.ts` counts them. Undefined: a database that only the new version has, and only it opens. */
function migrationsIn(folder: string): number | undefined {
  try {
    return readdirSync(folder).filter((name) => /^\d{4}-.+\.sql$/.test(name)).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
