/**
 * The cache of compiled code (NODE_COMPILE_CACHE). Without it each start strips the types anew, which takes a second
 * and holds some 40 MB of the stripper's memory from then on; it is worth keeping for every program of the box.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** For the environment of a program of our own, run as the same user: the cache that this one has, if it has one. */
export function compileCacheForChild(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
