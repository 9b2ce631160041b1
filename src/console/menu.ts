/**
 * `nightjar menu`: the same verbs by number, for the box's own screen or a serial line. Plain lines of text, no cursor
 * movement, no colours. Ends with its input.
 */
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, as if it had been typed, with this as its input. Never rejects. */
type RunVerb = (args: readonly string[], input: AsyncIterable<string>) => Promise<unknown>;
type Choice = Readonly<{
  text: string;
  verb: readonly string[];
  asks?: string;
  /** Asked for after the name; an empty answer leaves it away. */
  option?: Readonly<{ name: string; asks: string }>;
  /** What becomes the command's input. */
  secret?: string;
  sure?: string;
}>;
type Line = Readonly<{ args: string[]; input: string }>;

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
  { text: 'Where the box answers, and its networks', verb: ['network'] },
  {
    text: 'Join a Wi-Fi network',
    verb: ['join-wifi', '--password-stdin'],
    asks: 'Its name: ',
    option: { name: '--country', asks: 'Country, two letters (as AT; empty: as before): ' },
    secret: 'Its password (empty: it has none): ',
  },
  { text: 'Restart', verb: ['restart'], sure: 'The whole machine starts anew.' },
  { text: 'Shut down', verb: ['shut-down'], sure: 'The disks are let go, and the machine goes off.' },
  {
    text: 'Factory reset (photos stay on their disks)',
    verb: ['factory-reset'],
    asks: 'Type the name of the box: ',
    sure: 'People, phones and settings of the box are emptied.',
  },
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
  // Whoever stands before a new box needs its code and where it answers.
  await runVerb(['status'], once(''));
  await runVerb(['network'], once(''));
  for (let asked = 0; asked < linesMax; asked++) {
    terminal.out('');
    terminal.out('Nightjar');
    for (const [index, { text }] of choices.entries()) terminal.out(` ${String(index + 1).padStart(2)}  ${text}`);
    terminal.out('  0  Leave');
    const answer = (await ask('Number, then Enter:'))?.trim();
    if (answer === undefined || answer === '0') return;
    const choice = choices[Number(answer) - 1];
    if (!/^\d{1,2}$/.test(answer) || choice === undefined) {
      terminal.out('That is none of the numbers.');
      continue;
    }
    const line = await lineOf(choice, ask);
    if (line === undefined) terminal.out('Nothing was changed.');
    else await runVerb(line.args, once(line.input));
  }
  throw new Failure('That were too many lines. Start the menu again.');
}

/** Undefined: the person thought better of it. */
async function lineOf(
  { verb, asks, option, secret, sure }: Choice,
  ask: (question: string) => Promise<string | undefined>,
): Promise<Line | undefined> {
  const name = asks === undefined ? undefined : (await ask(asks))?.trim();
  if (asks !== undefined && (name === undefined || name === '')) return undefined;
  const chosen = option === undefined ? '' : (await ask(option.asks))?.trim();
  const input = secret === undefined ? '' : await ask(secret);
  if (chosen === undefined || input === undefined) return undefined;
  if (sure !== undefined && (await ask(`${sure} Type yes to go on:`))?.trim().toLowerCase() !== 'yes') return undefined;
  const [first = '', ...rest] = verb;
  const options = option === undefined || chosen === '' ? [] : [option.name, chosen];
  if (name === undefined) return { args: [first, ...options, ...rest], input };
  const [flags, words] = [rest.filter((one) => one.startsWith('--')), rest.filter((one) => !one.startsWith('--'))];
  // A name that begins with a dash is no option.
  return { args: [first, ...options, ...flags, '--', name, ...words], input };
}

async function* once(text: string): AsyncGenerator<string, undefined, undefined> {
  if (text !== '') yield text;
  return undefined;
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
