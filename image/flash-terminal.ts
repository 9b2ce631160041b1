/** The person before the screen: asked, told, shown how far it is. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { amount } from '../src/console/print.ts';
import { Interrupted } from './flash-refusal.ts';
import type { FlashTerminal } from './flash-run.ts';

export function terminalOf(stopping: AbortController, mayAsk: boolean): FlashTerminal {
  const { stdin, stdout, stderr } = process;
  const asks = mayAsk && stdin.isTTY && stdout.isTTY;
  return {
    asks,
    columns: stdout.isTTY && stdout.columns > 0 ? stdout.columns : undefined,
    say: (text) => stdout.write(`${text}\n`),
    ask: async (question, { hidden = false } = {}) => await asked(question, hidden, stopping),
    progress: progressLine((text) => stderr.write(text), stderr.isTTY),
  };
}

/** What is hidden is not echoed; Ctrl-C and Ctrl-D end it all. */
async function asked(question: string, hidden: boolean, stopping: AbortController): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = hidden ? nowhere : process.stdout;
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  const stop = () => stopping.abort();
  lines.once('SIGINT', stop).once('close', stop);
  // Only now: from here on the terminal itself shows nothing of what is typed.
  if (hidden) process.stdout.write(question);
  try {
    return await lines.question(hidden ? '' : question, { signal: stopping.signal });
  } catch {
    throw new Interrupted('Stopped. Nothing was written.');
  } finally {
    lines.off('close', stop).close();
    if (hidden) process.stdout.write('\n');
  }
}

/** One line that is written over, or in a file a line for each tenth. */
function progressLine(write: (text: string) => void, over: boolean): FlashTerminal['progress'] {
  let began = 0;
  let told = -1;
  return (step, bytes, ofBytes) => {
    if (bytes === 0) {
      began = Date.now();
      told = -1;
    }
    const percent = Math.floor((bytes / ofBytes) * 100);
    const mark = over ? percent : Math.floor(percent / 10);
    if (mark === told) return;
    told = mark;
    const seconds = (Date.now() - began) / 1000;
    const left = bytes === 0 ? '' : `, ${Math.ceil((seconds * (ofBytes - bytes)) / bytes)} s left`;
    const rate = seconds < 1 ? '' : `, ${amount(bytes / seconds)}/s`;
    const text = `${step}: ${percent} %, ${amount(bytes)} of ${amount(ofBytes)}${rate}${left}`;
    write(over ? `\r\u001b[K${text}${bytes === ofBytes ? '\n' : ''}` : `${text}\n`);
  };
}
