/**
 * Sends one e-mail, in a thread that is there for as long as that takes: a box that sends nothing has no mail program in
 * memory, and one that does has none afterwards.
 */
import { Worker } from 'node:worker_threads';
import type { Message } from './message.ts';

type MailServer = Readonly<{
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  user: string | null;
  password: string | null;
  from: string;
  to: readonly string[];
}>;
/** `boxName`: who writes. `boxId`: makes the message's id the box's own. */
export type MailOrder = Readonly<{ server: MailServer; message: Message; boxName: string; boxId: string }>;
export type MailResult = Readonly<{ sent: true } | { sent: false; why: string }>;

const heapMiBMax = 32;

/** @throws why the server did not take it, without the password */
export async function sendMail(order: MailOrder, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./mail-worker.ts', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 },
  });
  const ended = Promise.withResolvers<MailResult>();
  const stop = () => ended.resolve({ sent: false, why: 'The mail server took too long.' });
  signal.addEventListener('abort', stop, { once: true });
  worker.once('message', (result: MailResult) => ended.resolve(result));
  worker.once('error', (error) => ended.resolve({ sent: false, why: error.message }));
  worker.once('exit', () => ended.resolve({ sent: false, why: 'The mail program ended by itself.' }));
  try {
    const result = await ended.promise;
    if (!result.sent) throw new Error(result.why);
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
