/**
 * One power-on of an emulated computer: a QEMU process, its serial lines and its QMP socket. It ends when the guest
 * restarts or powers off (`-no-reboot`: the caller plays the firmware), or when it is killed: then it is a plug pulled.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Qmp } from './qmp.ts';

/** `reset`: the guest restarts; `off`: it powered off; `died`: QEMU ended without the guest saying so. */
export type End = 'reset' | 'off' | 'killed' | 'died';

export type MachineOptions = Readonly<{
  program: 'qemu-system-aarch64' | 'qemu-system-x86_64';
  /** For sockets; short, a unix socket's path may have 107 bytes. */
  dir: string;
  /** What QEMU is given, beside its lines and sockets. */
  args: readonly string[];
  /** Put before the command: `ip netns exec ...`. */
  wrapper?: readonly string[];
  /** Where the serial line is written down, over all power-ons. */
  consoleLog: string;
}>;

/**
 * What stands in for a Pi 4. Without a seed its kernel is not moved about in memory, and then sees no need to take its page
 * tables away at each call, which under emulation is a quarter of a start.
 */
export const emulatedPi = ['-M', 'virt,dtb-randomness=off', '-cpu', 'cortex-a72', '-m', '2048'] as const;

/** Machines that a test left behind must not outlive the test run. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Machine {
  readonly qmp: Qmp;
  /** Resolves when it is over. Never rejects. */
  readonly ended: Promise<End>;
  readonly consolePath: string;
  readonly shellPath: string;
  readonly #child: ChildProcess;
  readonly #state: { killed: boolean; said: End };

  private constructor(
    child: ChildProcess,
    qmp: Qmp,
    paths: { console: string; shell: string },
    state: { killed: boolean; said: End },
    gone: Promise<unknown>,
  ) {
    this.#child = child;
    this.qmp = qmp;
    this.consolePath = paths.console;
    this.shellPath = paths.shell;
    this.#state = state;
    this.ended = gone.then(() => {
      running.delete(child);
      qmp.close();
      return state.killed ? 'killed' : state.said;
    });
  }

  static async start(options: MachineOptions): Promise<Machine> {
    const { dir, program, wrapper = [] } = options;
    const [qmpPath, consolePath, shellPath] = ['qmp', 'con', 'sh'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [qmpPath, consolePath, shellPath]) await rm(path, { force: true });
    const listening = (path: string) => `path=${path},server=on,wait=off`;
    const [command = program, ...before] = [...wrapper, program];
    const args = [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-rtc', 'base=utc'],
      ...['-qmp', `unix:${qmpPath},server=on,wait=off`],
      ...['-chardev', `socket,id=con,${listening(consolePath)},logfile=${options.consoleLog},logappend=on`],
      ...['-serial', 'chardev:con'],
      ...[
        '-chardev',
        `socket,id=unused,${listening(`${shellPath}0`)}`,
        '-chardev',
        `socket,id=sh,${listening(shellPath)}`,
      ],
      ...options.args,
    ];
    const child = spawn(command, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    running.add(child);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-8_192);
    });
    const gone = once(child, 'close');
    const state: { killed: boolean; said: End } = { killed: false, said: 'died' };
    const qmp = await Promise.race([
      Qmp.connect(qmpPath, (event, data) => {
        if (event !== 'SHUTDOWN') return;
        if (data['reason'] === 'guest-reset') state.said = 'reset';
        else if (data['reason'] === 'guest-shutdown') state.said = 'off';
      }),
      gone.then(() => {
        throw new Error(`QEMU ended at once: ${said}`);
      }),
    ]);
    return new Machine(child, qmp, { console: consolePath, shell: shellPath }, state, gone);
  }

  /** The plug is pulled. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#state.killed = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
