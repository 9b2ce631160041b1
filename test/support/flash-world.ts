/** Who flashes, and onto what: answers at hand, and a device over a file. */
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import type { FlashTerminal } from '../../image/flash-run.ts';
import type { Step } from '../../image/flash-writing.ts';
import { runTool } from './loop-disk.ts';

/** Somebody before the screen, with answers at hand; without any, nobody. */
export class Person implements FlashTerminal {
  readonly columns = undefined;
  readonly hidden: string[] = [];
  readonly steps: Step[] = [];
  said = '';
  readonly #answers: string[] | undefined;
  #before: { step: Step; act: (bytes: number) => Promise<void> } | undefined;

  constructor(answers?: readonly string[]) {
    this.#answers = answers === undefined ? undefined : [...answers];
  }

  get asks(): boolean {
    return this.#answers !== undefined;
  }

  /** At a step's beginning, and after each piece. */
  before(step: Step, act: (bytes: number) => Promise<void>): void {
    this.#before = { step, act };
  }

  say = (text: string): void => {
    this.said += `${text}\n`;
  };

  ask = async (question: string, { hidden = false } = {}): Promise<string> => {
    const answer = this.#answers?.shift();
    if (answer === undefined) throw new Error(`no answer to: ${question}`);
    if (hidden) this.hidden.push(answer);
    this.said += question;
    return answer;
  };

  progress = async (step: Step, bytes: number): Promise<void> => {
    if (bytes === 0) this.steps.push(step);
    const twice = step === 'reading back' && bytes > 0;
    if (this.#before?.step === step && !twice) await this.#before.act(bytes);
  };
}

/** A device over a file. */
export class Loop {
  readonly device: string;
  readonly #file: string;
  #another: string | undefined;
  #gone = false;

  private constructor(device: string, file: string) {
    this.device = device;
    this.#file = file;
  }

  static async make(path: string, bytes: number, options: readonly string[] = []): Promise<Loop> {
    const file = await open(path, 'w');
    await file.truncate(bytes);
    await file.close();
    return new Loop((await runTool('losetup', ['--find', '--show', ...options, path])).trim(), path);
  }

  async bytes(): Promise<Buffer> {
    return await readFile(this.#file);
  }

  /** Beneath the device, behind its back. */
  async damage(at: number, bytes: Buffer): Promise<void> {
    const file = await open(this.#file, 'r+');
    await file.write(bytes, 0, bytes.length, at);
    await file.close();
  }

  async fill(byte: number): Promise<void> {
    await writeFile(this.device, Buffer.alloc((await this.bytes()).length, byte), { flag: 'r+' });
  }

  /** Another loop on this one. */
  async putAnother(): Promise<void> {
    this.#another = (await runTool('losetup', ['--find', '--show', this.device])).trim();
  }

  async remove(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#another !== undefined) await runTool('losetup', ['--detach', this.#another]);
    await runTool('partx', ['--delete', this.device]).catch(() => undefined);
    await runTool('losetup', ['--detach', this.device]);
    await rm(this.#file);
  }
}
