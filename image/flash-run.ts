/**
 * One disk, from the first look to the printed code: what is asked comes first, then the image is written, read back and
 * told who it is, with nobody before the screen. Owns the order of it all. Called by `flash.ts` and by tests.
 */
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { amount } from '../src/console/print.ts';
import { runCommand } from '../src/platform/commands.ts';
import { type RandomBytes, randomCode } from '../src/platform/identifiers.ts';
import { qrText } from '../src/platform/qr.ts';
import type { Block, Kernel } from '../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { checkImage } from './flash-image.ts';
import { Interrupted, Refusal } from './flash-refusal.ts';
import { contentOf, findTarget, titleOf } from './flash-target.ts';
import { countryName, localDefaults, putUnitText, type Unit, type UnitKey, unitFault, unitText } from './flash-unit.ts';
import { type Progress, TargetDisk } from './flash-writing.ts';

export type FlashTerminal = Readonly<{
  /** False: nobody can be asked; what was not given has its default. */
  asks: boolean;
  /** Undefined: the output is a file or a pipe. */
  columns: number | undefined;
  ask: (question: string, options?: { hidden?: boolean }) => Promise<string>;
  say: (text: string) => void;
  progress: Progress;
}>;

export type Flash = Readonly<{
  device: string;
  image: string;
  /** Whose key signed the image (PEM); undefined: anybody's. */
  certificate: string | undefined;
  /** The device's name, as if it had been typed. */
  erase: string | undefined;
  /** What is known already, and is not asked. */
  given: Unit;
  terminal: FlashTerminal;
  signal: AbortSignal;
  kernel: () => Kernel;
  randomBytes: RandomBytes;
  /** In tests: these alone may be written, of whatever kind. */
  testDisks?: readonly string[];
}>;

/** 4 groups of 4 symbols, as the box itself makes them (`src/access/setup-code.ts`). */
const codeGroups = 4;
const triesMax = 5;
const tableTriesMax = 10;

/** @throws {Refusal} with what happened; then the image is not, or not whole, on the disk. */
export async function flash(it: Flash): Promise<Unit> {
  const { terminal, signal } = it;
  const disk = await findTarget(it.device, it.kernel(), it.testDisks);
  terminal.say([titleOf(disk), ...(await contentOf(disk)).map((line) => `  ${line}`)].join('\n'));
  terminal.say(`Checking ${basename(it.image)}...`);
  const plan = await checkImage(it.image, disk.sizeBytes, signal, it.certificate).catch((error: unknown) => {
    throw signal.aborted ? new Interrupted('Stopped. Nothing was written.') : error;
  });
  const unit = await askUnit(it);
  const text = await unitText(unit);
  await confirmErasing(it, disk);
  if (signal.aborted) throw new Interrupted('Stopped. Nothing was written.');
  // Somebody may have mounted it, or put another card in, while the questions stood there.
  const again = await findTarget(it.device, it.kernel(), it.testDisks);
  if (again.dev !== disk.dev || again.diskseq !== disk.diskseq || again.sizeBytes !== disk.sizeBytes) {
    throw new Refusal(`Another disk is at ${it.device} by now. Nothing was written; look again.`);
  }
  const target = await TargetDisk.claim(disk);
  try {
    await target.write(plan, terminal.progress, signal);
    await target.readBack(plan, terminal.progress, signal);
    // Before the kernel learns of the new partitions: a desktop may mount them at once.
    await putUnitText(`/dev/${disk.name}`, plan.bootselAt, text);
  } finally {
    await target.release();
  }
  await readTableAgain(disk);
  terminal.say(`${amount(plan.bytes)} written, read back and compared. The disk can be pulled.`);
  terminal.say(await firstVisit(unit, terminal.columns));
  return unit;
}

type Question = Readonly<{ text: string; standard: string; hidden?: boolean; unless?: (unit: Unit) => boolean }>;

async function askUnit({ terminal, given, randomBytes }: Flash): Promise<Unit> {
  const here = await localDefaults();
  const country = countryName(here.country) === undefined ? '' : here.country;
  const noWifi = (unit: Unit) => (unit['wifi-name'] ?? '') === '';
  const questions: Partial<Record<UnitKey, Question>> = {
    name: { text: 'What is the box to be called?', standard: 'nightjar' },
    'wifi-name': { text: 'Name of the wireless network (empty: it has a cable)', standard: '' },
    'wifi-password': {
      text: 'Its password (not shown)',
      standard: '',
      hidden: true,
      unless: noWifi,
    },
    country: { text: 'Country that the box stands in, two letters', standard: country },
    'time-zone': { text: 'Time zone', standard: here['time-zone'] },
  };
  const unit: Partial<Record<UnitKey, string>> = { 'setup-code': randomCode(randomBytes, codeGroups), ...given };
  for (const [key, question] of Object.entries(questions) as Array<[UnitKey, Question]>) {
    if (unit[key] !== undefined || question.unless?.(unit) === true) continue;
    unit[key] = terminal.asks ? await askOne(terminal, key, question) : question.standard;
  }
  for (const key of ['wifi-password', 'country'] as const) {
    if (noWifi(unit) || (unit[key] ?? '') !== '') continue;
    throw new Refusal(
      `${key} is missing: without it the box does not join "${unit['wifi-name']}". Nothing was written.`,
    );
  }
  return unit;
}

async function askOne(terminal: FlashTerminal, key: UnitKey, { text, standard, hidden = false }: Question) {
  for (let tries = 0; tries < triesMax; tries++) {
    const typed = await terminal.ask(`${text}${standard === '' ? '' : ` [${standard}]`}: `, { hidden });
    const value = hidden ? typed : typed.trim() || standard;
    const upper = key === 'country' ? value.toUpperCase() : value;
    const fault = unitFault(key, upper);
    if (fault === undefined) return upper;
    terminal.say(fault);
  }
  throw new Refusal(`${text} No answer that can stand. Nothing was written.`);
}

async function confirmErasing({ terminal, erase }: Flash, disk: Block): Promise<void> {
  let typed = erase;
  if (typed === undefined) {
    if (!terminal.asks) {
      throw new Refusal(`Nobody can be asked here: give --yes-erase=${disk.name}. Nothing was written.`);
    }
    terminal.say(`Everything on ${titleOf(disk)} will be gone.`);
    typed = (await terminal.ask(`Type ${disk.name} to erase it: `)).trim();
  }
  if (typed !== disk.name) throw new Refusal(`That is not "${disk.name}". Nothing was written.`);
}

/** Whoever claims it at that moment (a desktop, udev) holds it for a blink. No failure: pulled and plugged in does it too. */
async function readTableAgain(disk: Block): Promise<void> {
  for (let tries = 0; tries < tableTriesMax; tries++) {
    const args = ['--update', `/dev/${disk.name}`];
    const done = await runCommand('partx', args, { timeoutMs: 10_000, outputBytesMax: 4_096 }).catch(() => undefined);
    if (done?.status === 0) return;
    await wait(200);
  }
}

/** In the fragment, which no browser sends: it is in no request line and no log (RFC 3986, section 3.5). */
async function firstVisit(unit: Unit, columns: number | undefined): Promise<string> {
  const code = unit['setup-code'] ?? '';
  const link = `https://${unit.name ?? 'nightjar'}.local/setup#${encodeURIComponent(code)}`;
  const wifi = unit['wifi-name'] ?? '';
  const drawn = await qrText(link, columns);
  return [
    '',
    ...(drawn === undefined ? [] : [drawn, '']),
    `Setup code   ${code}`,
    `First visit  ${link}`,
    '',
    wifi === '' ? 'Plug it in with a network cable.' : `It will join "${wifi}".`,
    'Whoever has this code can claim the box: keep it until you did. It stands in nightjar.txt on the card, too.',
  ].join('\n');
}
