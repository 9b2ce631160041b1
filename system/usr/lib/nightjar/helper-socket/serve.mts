/**
 * One connection to a privileged helper, as systemd hands it over (`Accept=yes`): who is at the other end, one line from
 * there, one line back. Runs on bare Node: no package is loaded, and of the daemon's source no line.
 */
import { readFileSync } from 'node:fs';
import { lastWords } from '../disk-helper/text.mts';
import { Refusal } from './refusal.mts';

type Owner = { uid: number; gid: number };
export type Served = Readonly<{
  /** For the journal and for sentences: `disk helper`. */
  name: string;
  /** The instance's name, of which systemd made the uid a part. */
  peer: string;
  /** Who may ask, beside root. */
  user: string;
  requestBytesMax: number;
  /** `note` says what is asked for, for the journal. @throws {Refusal} */
  answer: (line: string, owner: Owner, note: (what: string) => void) => Promise<object>;
}>;

const requestMsMax = 5_000;
const replyBytesMax = 1024 * 1024;

/** Answers, and ends the process. */
export async function serve(served: Served): Promise<void> {
  process.umask(0o022);
  const { said, reply } = await answered(served);
  process.stderr.write(`${said}\n`);
  process.stdout.on('error', () => undefined);
  // Nobody may be waiting any more; what was asked is done all the same.
  process.stdout.write(`${reply}\n`, () => process.exit(0));
}

async function answered({
  name,
  peer,
  user,
  requestBytesMax,
  answer,
}: Served): Promise<{ said: string; reply: string }> {
  let verb = 'request';
  try {
    const owner = userOf(user);
    const uid = uidOf(peer);
    if (uid !== 0 && uid !== owner?.uid) throw new Refusal('not-allowed', `This user may not ask the ${name}.`);
    const note = (what: string) => {
      verb = `${what} for ${uid}`;
    };
    const done = await answer(await readLine(requestBytesMax), owner ?? { uid: 0, gid: 0 }, note);
    const reply = JSON.stringify({ ok: true, ...done });
    if (reply.length > replyBytesMax) throw new Refusal('failed', 'The answer is too long.');
    return { said: `${verb}: done`, reply };
  } catch (error) {
    const inside = `The ${name} met an error of its own; the box’s journal has it.`;
    const { code, message } = error instanceof Refusal ? error : new Refusal('failed', inside);
    const why = error instanceof Refusal ? lastWords(message, 300) : String((error as Error).stack);
    return { said: `${verb}: ${code}: ${why}`, reply: JSON.stringify({ ok: false, code, message }) };
  }
}

/**
 * The uid at the other end, by SO_PEERCRED, which Node cannot ask for: systemd asks when it accepts, and names the instance
 * `<number>-<pid>-<uid>`; newer ones put a cookie before the pid and the pidfd's id behind it. The uid is always the last.
 * Any other form (`<number>-unknown`, an address) lets nobody in.
 */
function uidOf(instance: string): number | undefined {
  const uid = /^\d+(?:-\d+)?-\d+(?:_\d+)?-(\d+)$/.exec(instance)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** passwd(5) */
function userOf(name: string): Owner | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [, , uid, gid] = lines.map((line) => line.split(':')).find(([user]) => user === name && name !== '') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

async function readLine(bytesMax: number): Promise<string> {
  const timer = setTimeout(() => process.stdin.destroy(new Error('silent')), requestMsMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (chunk.includes(0x0a) || bytes > bytesMax) break;
    }
  } catch {
    // Silent for too long: no request, as if it had ended.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8').split('\n')[0] ?? '';
}
