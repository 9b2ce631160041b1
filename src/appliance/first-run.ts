/**
 * Owns how far the first run has come: which steps its owner ticked off or put off. Never does a step, and never forces
 * one: a box that was claimed at its console, or before there was a first run, has none open. Called by the appliance.
 *
 * A tick is what somebody said; where the box knows better, its knowledge is the answer.
 */
import type { Database } from '../platform/database.ts';
import type { Settings } from '../platform/settings.ts';
import type { FirstRunStep, FirstRunView, LockChoice, StepState } from './contract.ts';

/** What is known elsewhere. */
export type FirstRunFacts = Readonly<{
  claimed: boolean;
  /** Of the owner. */
  secondFactor: boolean;
  /** A recovery key or codes were made. Whether somebody has them on paper, only they can say. */
  recovery: boolean;
  phones: number;
  /** What is still to be chosen of the attached disks. */
  disks: 'where-photos-live' | 'second-disk' | 'none-to-make';
  /** Null: never asked. */
  internetTime: boolean | null;
}>;
type Tick = Readonly<{ state: 'done' | 'later'; choice?: LockChoice | undefined }>;
type Kept = Readonly<{
  steps: Partial<Record<FirstRunStep, 'done' | 'later'>>;
  lock: LockChoice | null;
  /** Nothing was open once. What a later version adds, or what is taken away again, brings nobody back. */
  finished: boolean;
}>;

const keptSetting = 'box.first-run';

/**
 * Whether the box knows that a step is done: `done`; `not` (whatever was ticked: then it is for later); `ask` (only a
 * tick can say). In the order in which they are taken. A new step comes in here and in the contract's list.
 */
const truths: Readonly<Record<FirstRunStep, (facts: FirstRunFacts) => 'done' | 'not' | 'ask'>> = {
  box: () => 'ask',
  you: ({ claimed }) => (claimed ? 'done' : 'not'),
  // A second disk is worth having, and nobody need have one on the first day.
  disk: ({ disks }) => (disks === 'none-to-make' ? 'done' : disks === 'second-disk' ? 'ask' : 'not'),
  // The phone that is to guard it is paired in a later step: until then this one is put off.
  lock: ({ secondFactor }) => (secondFactor ? 'done' : 'not'),
  recovery: ({ recovery }) => (recovery ? 'ask' : 'not'),
  clock: ({ internetTime }) => (internetTime === null ? 'not' : 'done'),
  // Nobody need be told off the page: that is a good answer too.
  tell: () => 'ask',
  phone: ({ phones }) => (phones > 0 ? 'done' : 'not'),
};
const steps = Object.keys(truths) as FirstRunStep[];
const nothing: Kept = { steps: {}, lock: null, finished: false };

export class FirstRun {
  readonly #database: Database;
  readonly #settings: Settings;
  readonly #facts: () => FirstRunFacts;

  constructor(deps: Readonly<{ database: Database; settings: Settings; facts: () => FirstRunFacts }>) {
    this.#database = deps.database;
    this.#settings = deps.settings;
    this.#facts = deps.facts;
  }

  /** A page claims the box: every step is open. Only inside the `database.write` of the claim. */
  beginInWrite(): void {
    this.#put(nothing);
  }

  view(): FirstRunView {
    return this.#viewOf(this.#kept());
  }

  /** As `view`; written down when nothing is open any more. */
  async look(): Promise<FirstRunView> {
    const kept = this.#kept();
    const view = this.#viewOf(kept);
    if (view.finished && !kept.finished)
      await this.#database.write(() => this.#put({ ...this.#kept(), finished: true }));
    return view;
  }

  /** Says that a step is done, or put off. What was said before is replaced. */
  async tick(step: FirstRunStep, { state, choice }: Tick): Promise<FirstRunView> {
    await this.#database.write(() => {
      const kept = this.#kept();
      const lock = step === 'lock' ? (choice ?? (state === 'later' ? 'later' : kept.lock)) : kept.lock;
      this.#put({ ...kept, lock, steps: { ...kept.steps, [step]: state } });
    });
    return await this.look();
  }

  #viewOf(kept: Kept): FirstRunView {
    const facts = this.#facts();
    const states = steps.map((step) => [step, stateOf(truths[step](facts), kept.steps[step], kept.finished)] as const);
    return {
      finished: facts.claimed && states.every(([, state]) => state !== 'open'),
      steps: Object.fromEntries(states) as FirstRunView['steps'],
      lock: kept.lock,
    };
  }

  #kept(): Kept {
    const text = this.#settings.text(keptSetting);
    // Before it is claimed everything is open; a box that was claimed otherwise has nothing to go through.
    return text === undefined ? { ...nothing, finished: this.#facts().claimed } : (JSON.parse(text) as Kept);
  }

  #put(kept: Kept): void {
    this.#settings.putTextInWrite(keptSetting, JSON.stringify(kept));
  }
}

function stateOf(truth: 'done' | 'not' | 'ask', tick: 'done' | 'later' | undefined, finished: boolean): StepState {
  if (truth === 'done') return 'done';
  if (tick === undefined) return finished ? 'later' : 'open';
  return truth === 'ask' ? tick : 'later';
}
