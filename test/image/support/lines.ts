/** The serial lines of a machine: what it writes (kept in a file over all power-ons), and what is typed. */
import { open, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connectedTo } from './qmp.ts';

const lookMs = 250;
const logBytesMax = 16 * 1024 * 1024;
const answerBytesMax = 16 * 1024 * 1024;

/** The box's console: what stands on its screen, and its menu. */
export class ConsoleLine {
  readonly #logPath: string;
  #socket: Socket | undefined;

  constructor(logPath: string) {
    this.#logPath = logPath;
  }

  /** How much was written so far: to ask later for what came after it. */
  async position(): Promise<number> {
    return (await readFile(this.#logPath).catch(() => Buffer.alloc(0))).length;
  }

  /** What was written since then, without colours and cursor movements. */
  async text(since = 0): Promise<string> {
    const file = await open(this.#logPath);
    try {
      const bytes = Buffer.alloc(logBytesMax);
      const { bytesRead } = await file.read(bytes, 0, logBytesMax, since);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is taken away.
      return bytes.toString('utf8', 0, bytesRead).replaceAll(/\u001b\[[0-9;?]*[A-Za-z]|\u001b[()][A-Z0-9]|\r/g, '');
    } finally {
      await file.close();
    }
  }

  /** Waits until it is there; the match. @throws with the last lines when it does not come */
  async until(wanted: RegExp, { since = 0, ms = 600_000 } = {}): Promise<RegExpExecArray> {
    for (const deadline = Date.now() + ms; ; await pause(lookMs)) {
      const text = await this.text(since).catch(() => '');
      const found = wanted.exec(text);
      if (found !== null) return found;
      if (Date.now() > deadline) throw new Error(`${wanted} did not come on the console:\n${text.slice(-4_000)}`);
    }
  }

  async plug(path: string): Promise<void> {
    this.#socket?.destroy();
    this.#socket = await connectedTo(path);
    // What it says is in the file; unread bytes would hold the guest up.
    this.#socket.on('error', () => undefined).resume();
  }

  /** As somebody types it on a serial terminal, whose Enter is a CR. */
  type(line: string): void {
    this.#socket?.write(`${line}\r`);
  }

  unplug(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

export type Ran = Readonly<{ exitCode: number; output: string }>;

/** On the second of two serial lines that no real board has. */
export const shellUnit = `[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
ExecStart=/bin/sh
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
Restart=always
KillSignal=SIGHUP
TimeoutStopSec=2s
`;

/**
 * A root shell inside, for the test alone: the unit above, which the harness puts into /run at each start (`early-shell.ts`).
 * The image stays byte for byte what it is, and knows nothing of it.
 */
export class RootShell {
  readonly #socket: Socket;
  #heard = '';
  #commands = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#heard = (this.#heard + chunk.toString('utf8')).slice(-answerBytesMax);
    });
  }

  /** Resolves when it answers: some time before the box is ready. */
  static async open(path: string, ms: number): Promise<RootShell> {
    const shell = new RootShell(await connectedTo(path));
    const deadline = Date.now() + ms;
    // Without echo, and with lines that are not cut at the width of a screen.
    for (;;) {
      shell.#socket.write("stty -echo -onlcr 2>/dev/null; PS1=; unset PROMPT_COMMAND; echo rea''dy\n");
      await pause(2_000);
      if (/ready/.test(shell.#heard)) break;
      if (Date.now() > deadline) throw new Error(`The test's shell did not answer: ${shell.#heard.slice(-2_000)}`);
    }
    return shell;
  }

  /** Runs a script of `sh`; one after the other. @throws when it does not end in time, as when the machine is gone */
  async try(script: string, ms = 120_000): Promise<Ran> {
    const ran = this.#turn.then(() => this.#run(script, ms));
    this.#turn = ran.catch(() => undefined);
    return await ran;
  }

  /** Its output. @throws when it fails */
  async run(script: string, ms = 120_000): Promise<string> {
    const { exitCode, output } = await this.try(script, ms);
    if (exitCode !== 0) throw new Error(`Inside, this ended with ${exitCode}: ${script}\n${output}`);
    return output;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #run(script: string, ms: number): Promise<Ran> {
    const mark = `end-${++this.#commands}-of`;
    this.#heard = '';
    // In lines that a terminal takes (4096 characters), so that quotes and ends of lines do not matter.
    this.#socket.write("s=''\n");
    const parts =
      Buffer.from(script)
        .toString('base64')
        .match(/.{1,1000}/g) ?? [];
    for (const part of parts) this.#socket.write(`s="$s"${part}\n`);
    // Through a pipe: to a terminal, programs speak in colours.
    const command = 'sh -c "$(echo $s | base64 -d)" </dev/null';
    this.#socket.write(`echo be''gin-${this.#commands}; { ${command}; echo "${mark}-$?."; } 2>&1 | cat\n`);
    const end = new RegExp(`${mark}-(\\d+)\\.`);
    for (const deadline = Date.now() + ms; ; await pause(50)) {
      const found = end.exec(this.#heard);
      if (found !== null) {
        const begin = `begin-${this.#commands}`;
        const output = this.#heard.slice(this.#heard.indexOf(begin) + begin.length, found.index);
        return { exitCode: Number(found[1]), output: output.replaceAll('\r', '').trim() };
      }
      if (this.#socket.destroyed) throw new Error(`The machine is gone: ${script}`);
      if (Date.now() > deadline) throw new Error(`Inside, this did not end: ${script}\n${this.#heard.slice(-2_000)}`);
    }
  }
}

/** Of a file, its last lines: for messages. */
export async function tailOf(path: string, lines = 60): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').slice(-lines).join('\n');
}
