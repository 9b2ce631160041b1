/**
 * `nightjar menu`: the same verbs by number, for the box's own screen or a serial line. Plain lines of text, no cursor
 * movement, no colours. Ends with its input.
 */
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, as if it had been typed. Never rejects. */
type RunVerb = (args: readonly string[]) => Promise<unknown>;
type Choice = Readonly<{ text: string; verb: readonly string[]; asks?: string; sure?: string }>;

const choices: readonly Choice[] = [
  { text: 'How the box is', verb: ['status'] },
  { text: 'The people of the house', verb: ['people'] },
  {
    text: 'A new password for somebody',
    verb: ['reset-password'],
    asks: 'Whose password? Name: ',
    sure: 'They get a link to choose a new one.',
  },
  {
    text: 'Take somebody’s second factor away',
    verb: ['reset-second-factor'],
    asks: 'Whose? Name: ',
    sure: 'Their codes, approving phones and recovery codes end.',
  },
  { text: 'Where somebody is signed in', verb: ['sessions'], asks: 'Whose sessions? Name: ' },
  { text: 'End all sessions of somebody', verb: ['sessions', 'end'], asks: 'Whose sessions? Name: ' },
  { text: 'What was done lately', verb: ['audit', '--last', '20'] },
];
const lineCharsMax = 200;
/** Somebody who keeps a key pressed does not keep it busy for ever. */
const linesMax = 10_000;

export async function runMenu(terminal: Terminal, runVerb: RunVerb): Promise<void> {
  const lines = linesOf(terminal.input);
  const ask = async (question: string): Promise<string | undefined> => {
    terminal.out(question);
    const { value, done } = await lines.next();
    return done === true ? undefined : value;
  };
  for (let asked = 0; asked < linesMax; asked++) {
    terminal.out('');
    terminal.out('Nightjar');
    for (const [index, { text }] of choices.entries()) terminal.out(`  ${index + 1}  ${text}`);
    terminal.out('  0  Leave');
    const answer = (await ask('Number, then Enter:'))?.trim();
    if (answer === undefined || answer === '0') return;
    const choice = choices[Number(answer) - 1];
    if (!/^\d$/.test(answer) || choice === undefined) {
      terminal.out('That is none of the numbers.');
      continue;
    }
    const args = await argumentsOf(choice, ask);
    if (args === undefined) terminal.out('Nothing was changed.');
    else await runVerb(args);
  }
  throw new Failure('That were too many lines. Start the menu again.');
}

/** Undefined: the person thought better of it. */
async function argumentsOf(
  { verb, asks, sure }: Choice,
  ask: (question: string) => Promise<string | undefined>,
): Promise<string[] | undefined> {
  if (asks === undefined) return [...verb];
  const name = (await ask(asks))?.trim();
  if (name === undefined || name === '') return undefined;
  if (sure !== undefined && (await ask(`${sure} Type yes to go on:`))?.trim().toLowerCase() !== 'yes') return undefined;
  const [first = '', ...rest] = verb;
  // A name that begins with a dash is no option.
  return [first, '--', name, ...rest];
}

/** Whole lines, whatever ends them: a serial terminal sends CR. What is too long is cut. */
async function* linesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<string, undefined, undefined> {
  let rest = '';
  for await (const chunk of input) {
    rest = `${rest}${chunk.toString()}`.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.slice(0, Math.min(end, lineCharsMax));
      rest = rest.slice(end + 1);
    }
    rest = rest.slice(0, lineCharsMax);
  }
  if (rest !== '') yield rest;
  return undefined;
}
