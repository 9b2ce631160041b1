/**
 * `make flash`: writes the image onto a card or disk, checks it, and gives it a name and a setup code of its own. The process
 * edge: arguments and signals.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readKernel } from '../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { newestImage } from './flash-image.ts';
import { Interrupted, Refusal } from './flash-refusal.ts';
import { flash } from './flash-run.ts';
import { terminalOf } from './flash-terminal.ts';
import { type UnitKey, unitFault, unitKeys } from './flash-unit.ts';

const usage = `make flash DEV=/dev/sdX [IMAGE=FILE.img.zst] [FLASH_OPTIONS="..."]
  --yes-erase=sdX                      instead of typing the disk's name
  --any-signature                      also an image that your own key did not sign
  --no-questions                       what is not given has its default
  --name=NAME --wifi-name=NAME --country=AT --time-zone=Europe/Vienna
  --wifi-password-file=FILE --setup-code-file=FILE --ssh-key-file=FILE
                                       by file: what stands in arguments is seen by everybody here`;

/** What would be seen in the list of processes, or is too long to type. */
const byFile: ReadonlySet<UnitKey> = new Set(['setup-code', 'wifi-password', 'ssh-key']);
const distDir = new URL('../dist', import.meta.url).pathname;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: options() });
  if (typeof values['device'] !== 'string' || values['device'] === '') {
    throw new Refusal(`Which disk? As in:\n${usage}`);
  }
  const stopping = new AbortController();
  process.on('SIGINT', () => stopping.abort());
  process.on('SIGTERM', () => stopping.abort());
  const given = await givenUnit(values);
  const image = values['image'];
  await flash({
    device: values['device'],
    image: typeof image === 'string' && image !== '' ? image : await newestImage(distDir),
    certificate: values['any-signature'] === true ? undefined : await ownCertificate(),
    erase: typeof values['yes-erase'] === 'string' ? values['yes-erase'] : undefined,
    given,
    terminal: terminalOf(stopping, values['no-questions'] !== true),
    signal: stopping.signal,
    kernel: () => readKernel(),
    randomBytes,
  });
}

/** Where `keys` makes it. @throws {Refusal} this computer has none */
async function ownCertificate(): Promise<string> {
  const { NIGHTJAR_KEYS: keys, XDG_CONFIG_HOME: config } = process.env;
  const path = join(keys || join(config || join(homedir(), '.config'), 'nightjar-keys'), 'update.pem');
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new Refusal(
      `There is no ${path}, so that nobody can say whose image this is. Nothing was written; --any-signature takes it all the same.`,
    );
  }
}

function options() {
  const unit = unitKeys.map((key) => [byFile.has(key) ? `${key}-file` : key, { type: 'string' as const }] as const);
  return {
    device: { type: 'string' },
    image: { type: 'string' },
    'yes-erase': { type: 'string' },
    'any-signature': { type: 'boolean' },
    'no-questions': { type: 'boolean' },
    ...Object.fromEntries(unit),
  } as Record<string, { type: 'string' | 'boolean' }>;
}

async function givenUnit(values: Readonly<Record<string, unknown>>): Promise<Partial<Record<UnitKey, string>>> {
  const unit: Partial<Record<UnitKey, string>> = {};
  for (const key of unitKeys) {
    const option = byFile.has(key) ? `${key}-file` : key;
    const value = values[option];
    if (typeof value !== 'string') continue;
    unit[key] = byFile.has(key) ? (await readFile(value, 'utf8')).replace(/\r?\n$/, '') : value;
    const fault = unitFault(key, unit[key]);
    if (fault !== undefined) throw new Refusal(`--${option}: ${fault} Nothing was written.`);
  }
  return unit;
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  const text = error instanceof Refusal ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\n${text}\n`);
  process.exitCode = error instanceof Interrupted ? 130 : 1;
});
