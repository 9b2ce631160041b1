/** What the engine says of the snapshots there: those of this box, told by its id, not by the machine's name. */
import type { Engine, Order } from './engine.ts';

export const tag = 'nightjar';
/** Of a first copy that is not whole yet. */
export const partTag = 'nightjar-part';
export type Snapshot = Readonly<{ id: string; at: number; whole: boolean }>;
export type Asker = Pick<Order, 'remote' | 'cwd' | 'tmpDir' | 'signal'> & Partial<Pick<Order, 'cacheDir'>>;

const askMs = 5 * 60_000;
const snapshotsMax = 10_000;

/** The newest first. `boxId` undefined: of whatever box. @throws {CodedError} `offbox-failed` */
export async function snapshotsOf(engine: Engine, asker: Asker, boxId: string | undefined): Promise<Snapshot[]> {
  const host = boxId === undefined ? [] : ['--host', boxId];
  const tags = ['--tag', tag, '--tag', partTag];
  const args = ['snapshots', '--json', '--no-lock', ...tags, ...host];
  const { stdout } = await engine.run({ ...asker, args, timeoutMs: askMs, rests: false });
  const found: unknown = JSON.parse(stdout || '[]');
  if (!Array.isArray(found)) return [];
  return found
    .slice(0, snapshotsMax)
    .flatMap((one: { id?: unknown; time?: unknown; tags?: unknown }) => {
      const at = Date.parse(String(one.time));
      if (typeof one.id !== 'string' || !/^[0-9a-f]{64}$/.test(one.id) || Number.isNaN(at)) return [];
      return [{ id: one.id, at, whole: Array.isArray(one.tags) && one.tags.includes(tag) }];
    })
    .sort((a, b) => b.at - a.at);
}
