/** QEMU's own line: one JSON object a line over a unix socket (QEMU Machine Protocol); asks, answers and events. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const connectTriesMax = 200;
const answerMsMax = 60_000;

type Message = Readonly<{
  return?: unknown;
  error?: { desc: string };
  event?: string;
  data?: Record<string, unknown>;
}>;
type Waiting = Readonly<{ resolve: (value: unknown) => void; reject: (error: Error) => void }>;

export class Qmp {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  readonly #onEvent: (event: string, data: Record<string, unknown>) => void;

  private constructor(socket: Socket, onEvent: (event: string, data: Record<string, unknown>) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    let rest = '';
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') this.#take(JSON.parse(line) as Message);
    });
    // It goes with QEMU; whoever waits is told.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('QEMU is gone'));
    });
  }

  /** Waits until QEMU listens there. */
  static async connect(path: string, onEvent: (event: string, data: Record<string, unknown>) => void): Promise<Qmp> {
    const qmp = new Qmp(await connectedTo(path), onEvent);
    await qmp.ask('qmp_capabilities');
    return qmp;
  }

  /** @throws what QEMU says when it refuses. */
  async ask(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.push(answer);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const late = setTimeout(() => answer.reject(new Error(`QEMU did not answer ${command}`)), answerMsMax);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Message): void {
    if (message.event !== undefined) this.#onEvent(message.event, message.data ?? {});
    else if (message.error !== undefined) this.#waiting.shift()?.reject(new Error(message.error.desc));
    else if ('return' in message) this.#waiting.shift()?.resolve(message.return);
  }
}

/** A unix socket that somebody is about to listen on. */
export async function connectedTo(path: string): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    const socket = createConnection(path);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (connected) return socket;
    if (tries === connectTriesMax) throw new Error(`Nobody listens on ${path}`);
    await pause(50);
  }
}
