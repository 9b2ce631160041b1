/**
 * verdict.mts SECONDS EVERY: once at every start, after the daemon: says which slot runs, and whether it is good. On trial it
 * is good when the daemon answers with its own version, more than once, and has opened what was open before; else the box
 * restarts, which brings the primary slot back. Where it does not get this far, `trial-guard` does. Runs on bare Node.
 */
import { rmSync, writeFileSync } from 'node:fs';
import type { UpdateReason } from '../../../../../src/updates/update-reasons.ts';
import { askHealth } from './health.mts';
import {
  askBackend,
  type Outcome,
  ownVersion,
  places,
  readRecord,
  run,
  type Slot,
  type Trial,
  type UpdateRecord,
  writeRecord,
} from './record.mts';

const seconds = 1_000;
const trialMs = Number(process.argv[2]) * seconds;
const askEveryMs = Number(process.argv[3]) * seconds;
/** In a row: a daemon that is started over and over answers now and then. */
const answersMin = 4;

type Verdict = 'good' | Extract<UpdateReason, 'did-not-answer' | 'library-not-opened'>;

const current = slotOf(await askBackend('get-current'));
const primary = slotOf(await askBackend('get-primary'));
const version = ownVersion();
if (current === primary) await settle();
else await judge();

/** The usual start. What a trial left behind is told now. */
async function settle(): Promise<void> {
  const record = readRecord();
  const { trial } = record;
  const slots = { ...record.slots, [current]: { version, whole: true, failed: false, ran: true } };
  let { outcome } = record;
  if (trial !== null && trial.slot !== current) {
    await askBackend('set-state', trial.slot, 'bad');
    const tried = slots[trial.slot];
    // Without a verdict it may have been the plug: it may be tried again.
    const failed = outcome?.result === 'went-back';
    slots[trial.slot] = { version: trial.version, whole: true, ran: false, ...tried, failed };
    if (!failed) outcome = wentBack(trial, 'did-not-start');
  } else if (trial !== null) outcome = updated(trial);
  if (record.installing !== null) outcome = interrupted(record.installing);
  rmSync(places.bundles, { recursive: true, force: true });
  const changed: UpdateRecord = { slots, installing: null, trial: null, outcome };
  if (JSON.stringify(changed) !== JSON.stringify(record)) writeRecord(changed);
  if ((await askBackend('get-state', current)) !== 'good' && (await verdict(null)) === 'good')
    await askBackend('set-state', current, 'good');
}

async function judge(): Promise<void> {
  const record = readRecord();
  // Its state was lost, or somebody held the key on a keyboard: judged all the same, and not blamed on anyone.
  const trial = record.trial ?? { slot: current, version, before: 'unknown', libraryOpen: false };
  say(`slot ${current} (${version}) is on trial`);
  const found = await verdict(trial);
  if (found === 'good') {
    await askBackend('set-state', current, 'good');
    // From here on it is the one that starts; told afterwards, by the next start where the plug is pulled in between.
    await askBackend('set-primary', current);
    writeFileSync(places.settled, '');
    await askBackend('tell-standing');
    const slots = { ...record.slots, [current]: { version, whole: true, failed: false, ran: true } };
    writeRecord({ slots, installing: null, trial: null, outcome: updated(trial) });
    say('good: it is the one that starts from now on');
    return;
  }
  say(`${found}: going back`);
  await askBackend('set-state', current, 'bad');
  writeRecord({ ...record, trial, outcome: wentBack(trial, found) });
  await run('systemctl', ['reboot']);
}

async function verdict(trial: Trial | null): Promise<Verdict> {
  const until = performance.now() + trialMs;
  let answers = 0;
  let answered = false;
  while (answers < answersMin) {
    if (performance.now() > until) return answered ? 'library-not-opened' : 'did-not-answer';
    const health = await askHealth().catch(() => undefined);
    const serves = health?.version === version;
    const whole = trial?.libraryOpen !== true || health?.disk === 'ok';
    answered = serves;
    answers = serves && whole ? answers + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
  return 'good';
}

function updated({ before }: Trial): Outcome {
  const detail = `Version ${version} runs and answers. Before it was ${before}.`;
  return { result: 'updated', reason: null, version, before, at: Date.now(), detail };
}

function wentBack({ version, before, slot }: Trial, reason: UpdateReason): Outcome {
  const why: Readonly<Record<string, string>> = {
    'did-not-answer': 'the new one did not answer',
    'library-not-opened': 'the new one could not open the library',
    'did-not-start': 'the new one did not say a word: it did not start, or the power went',
  };
  const tried = version ?? `the one in slot ${slot}`;
  const detail = `Went back to version ${before}, because ${why[reason] ?? reason}. What was tried was ${tried}.`;
  return { result: 'went-back', reason, version, before, at: Date.now(), detail };
}

function interrupted(installing: string): Outcome {
  const detail = `Version ${installing} was not written to its end: the box was restarted meanwhile. Version ${version} is untouched.`;
  const told = { version: installing, before: version, at: Date.now(), detail };
  return { result: 'failed', reason: 'interrupted', ...told };
}

function slotOf(text: string): Slot {
  if (text === 'A' || text === 'B') return text;
  throw new Error('This start is of no slot.');
}

function say(line: string): void {
  process.stderr.write(`verdict: ${line}\n`);
}
