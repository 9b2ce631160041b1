/** `nightjar offbox`: the copy on another machine, from the console: set up, made, read back, tried out, brought back. */

import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { OffboxChange, OffboxTarget, OffboxView } from '../offbox/contract.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { amount, moment, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const lookMs = 500;
const sayEveryMs = 10_000;
const secretsBytesMax = 64 * 1024;
const targets = `sftp://USER@HOST[:PORT]/FOLDER   another machine, by ssh; the box shows the key to let in (/~/FOLDER: in its home)
  rest:https://[USER@]HOST/[PATH]   a REST server of restic
  s3:https://KEY-ID@HOST/BUCKET[/PREFIX]
  /FOLDER                           of this machine: a share that is mounted`;
const offboxUsage = `nightjar offbox: a copy of the library on another machine, encrypted

  nightjar offbox [status] [--json]        where it is, how far it came, what was checked
  nightjar offbox setup TARGET             say where to; the other side's password or secret key on standard input
           [--secret-stdin] [--password-stdin] [--upload KIB] [--append-only]   (then that of a copy that is there, a line each)
  nightjar offbox begin                    make the place ready; the password of the copy is told once: write it down
  nightjar offbox run | check | stop       copy now; read the next part back; stop what runs
  nightjar offbox drill [--seed SEED]      bring a random handful of originals back, and compare their checksums
  nightjar offbox snapshots [--json]       the states that are there
  nightjar offbox restore DIR              bring everything back to a new or empty folder; then "nightjar adopt" or
           [--snapshot ID] [--json]        "nightjar import"
           [--from TARGET --password-stdin [--secret-stdin] [--ssh-key-stdin]]  on a new box: the password, then the
                                           other secret or the private key, on standard input
  nightjar offbox password                 tell the password of the copy again
  nightjar offbox remove                   copy there no more; what is there stays

A TARGET is one of
  ${targets}`;

type Verb = (asked: Asked, box: BoxSocket, terminal: Terminal) => Promise<void>;
type Asked = Readonly<{ values: Values; rest: readonly string[] }>;
type Values = Readonly<{ [K in keyof typeof options]?: string | boolean | undefined }>;

const options = {
  json: { type: 'boolean' },
  'secret-stdin': { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  'ssh-key-stdin': { type: 'boolean' },
  'append-only': { type: 'boolean' },
  upload: { type: 'string' },
  seed: { type: 'string' },
  snapshot: { type: 'string' },
  from: { type: 'string' },
} as const;

export async function runOffbox(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = read(args);
  const [verb = 'status', ...rest] = positionals;
  const run = verbs.get(verb);
  if (run === undefined) throw new Failure(`There is no "offbox ${verb}".\n\n${offboxUsage}`, 2);
  await run({ values, rest }, box, terminal);
}

const verbs: ReadonlyMap<string, Verb> = new Map(
  Object.entries<Verb>({
    status: async ({ values }, box, terminal) => {
      const view = await look(box);
      terminal.out(values.json === true ? JSON.stringify(view) : lines(view).join('\n'));
    },
    help: async (_asked, _box, terminal) => terminal.out(offboxUsage),
    setup,
    begin: async (_asked, box, terminal) => {
      const { password } = (await box.ask('POST', '/api/offbox/begin')) as { password: string | null };
      if (password === null) return terminal.out('The copy is there, and its password opens it.');
      terminal.out('The place is ready. Write the password of the copy down, and keep it away from this box:');
      terminal.out(`  ${password}`);
    },
    run: async (_asked, box, terminal) => await follow('run', {}, box, terminal),
    check: async (_asked, box, terminal) => await follow('check', {}, box, terminal),
    drill: async ({ values }, box, terminal) => {
      await follow('drill', typeof values.seed === 'string' ? { seed: values.seed } : {}, box, terminal);
    },
    stop: async (_asked, box, terminal) => {
      await box.ask('POST', '/api/offbox/stop');
      terminal.out('Nothing is being done now.');
    },
    snapshots: async ({ values }, box, terminal) => {
      const { snapshots } = (await box.ask('GET', '/api/offbox/snapshots')) as {
        snapshots: Array<{ id: string; at: number; whole: boolean }>;
      };
      if (values.json === true) return terminal.out(JSON.stringify({ snapshots }));
      const rows = snapshots.map(({ id, at, whole }) => [id.slice(0, 12), moment(at), whole ? 'everything' : 'a part']);
      terminal.out(table(['ID', 'MADE', 'HOLDS'], rows));
    },
    restore,
    password: async (_asked, box, terminal) => {
      const { password } = (await box.ask('POST', '/api/offbox/password')) as { password: string };
      terminal.out(password);
    },
    remove: async (_asked, box, terminal) => {
      await box.ask('DELETE', '/api/offbox');
      terminal.out('Nothing is copied there any more. What is there stays, and opens by its password.');
    },
  }),
);

async function setup({ values, rest }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const target = targetOf(required(rest[0], 'TARGET'));
  const secrets = await secretsOf(values, ['secret-stdin', 'password-stdin'], terminal);
  const upload = values.upload === undefined ? null : Number(values.upload);
  const body: OffboxChange = {
    target,
    ...(secrets['secret-stdin'] !== undefined && { secret: secrets['secret-stdin'] }),
    ...(secrets['password-stdin'] !== undefined && { password: secrets['password-stdin'] }),
    enabled: true,
    uploadKiBPerSecond: upload,
    appendOnly: values['append-only'] === true,
  };
  const { copy } = (await box.ask('PUT', '/api/offbox', body)) as OffboxView;
  if (copy?.sshKey != null) {
    terminal.out('Let this key in there: add the line to ~/.ssh/authorized_keys of that user.');
    terminal.out(`  ${copy.sshKey}`);
  }
  terminal.out('Then: nightjar offbox begin');
}

async function restore({ values, rest }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const folder = resolve(required(rest[0], 'DIR'));
  const body: Record<string, unknown> = { folder };
  if (typeof values.snapshot === 'string') body['snapshot'] = values.snapshot;
  if (typeof values.from === 'string') {
    const secrets = await secretsOf(values, ['password-stdin', 'secret-stdin', 'ssh-key-stdin'], terminal);
    const { 'password-stdin': password, 'secret-stdin': secret, 'ssh-key-stdin': sshKey } = secrets;
    body['from'] = {
      target: targetOf(values.from),
      password: required(password, '--password-stdin'),
      ...(secret !== undefined && { secret }),
      ...(sshKey !== undefined && { sshKey }),
    };
  }
  await box.ask('POST', '/api/offbox/restore', body);
  const view = await waited(box, terminal);
  if (values.json === true) terminal.out(JSON.stringify(view.restore));
  if (view.restore?.state !== 'done') throw new Failure(view.restore?.problem ?? 'The box was restarted. Begin again.');
  if (values.json === true) return;
  const { files, snapshotAt, adoptable } = view.restore;
  terminal.out(
    `${files} files are in ${folder}, as they were at ${moment(snapshotAt)}, each compared with what was sent.`,
  );
  terminal.out(
    adoptable
      ? 'It is a library: where a new box has its disk, "nightjar adopt" makes that box this one. Or "nightjar import".'
      : 'The first copy was not whole yet: photos only. Bring them in with "nightjar import".',
  );
}

/** Begins, and waits for the end. @throws {Failure} when it did not end well */
async function follow(what: string, body: object, box: BoxSocket, terminal: Terminal): Promise<void> {
  await box.ask('POST', `/api/offbox/${what}`, what === 'drill' ? body : undefined);
  const view = await waited(box, terminal);
  terminal.out(lines(view).join('\n'));
  const { problem, check, drill } = view.copy ?? {};
  if (problem != null) throw new Failure(problem.detail);
  if (what === 'check' && check?.ok !== true) throw new Failure('What is there is damaged.');
  if (what === 'drill' && drill?.ok !== true) throw new Failure('Not everything came back as it is here.');
}

async function waited(box: BoxSocket, terminal: Terminal): Promise<OffboxView> {
  let saidAt = performance.now();
  for (;;) {
    const view = await look(box);
    if (view.activity === null) return view;
    if (performance.now() - saidAt > sayEveryMs) {
      saidAt = performance.now();
      terminal.err(progress(view.activity));
    }
    await sleep(lookMs);
  }
}

async function look(box: BoxSocket): Promise<OffboxView> {
  return (await box.ask('GET', '/api/offbox')) as OffboxView;
}

function lines({ engine, copy, activity }: OffboxView): string[] {
  if (engine === null) return ['restic is not installed on this box: apt-get install restic openssh-client'];
  if (copy === null) return ['No copy off the box is set up.'];
  const { target, lastSuccessAt, files, bytes, bytesThere, problem, check, drill, unread } = copy;
  return [
    `to: ${where(target)}`,
    ...(copy.ready ? [] : ['not begun: "nightjar offbox begin"']),
    `last copy: ${moment(lastSuccessAt)}, ${files} files (${amount(bytes)}); ${amount(bytesThere ?? 0)} there`,
    ...(unread > 0 ? [`could not be read: ${unread} files`] : []),
    ...(problem === null ? [] : [`problem, ${moment(problem.at)}: ${problem.detail}`]),
    check === null
      ? 'read back: nothing yet'
      : `read back: part ${check.part} of ${check.parts}, ${moment(check.at)}: ${check.ok ? 'right' : 'DAMAGED'}`,
    ...(drill === null
      ? ['drill: none yet']
      : [
          `drill: ${moment(drill.at)}, ${drill.files.length} files: ${drill.ok ? 'all as they are here' : 'NOT all'} (seed ${drill.seed})`,
          ...drill.files.filter(({ result }) => result !== 'right').map(({ name, result }) => `  ${result}: ${name}`),
        ]),
    ...(activity === null ? [] : [progress(activity)]),
  ];
}

function progress({ kind, resting, files, ofFiles, bytes, ofBytes }: NonNullable<OffboxView['activity']>): string {
  const far = ofFiles === 0 ? '' : `: ${files} of ${ofFiles} files, ${amount(bytes)} of ${amount(ofBytes)}`;
  return `${kind}${far}${resting ? ' (rests while somebody uses the box)' : ''}`;
}

function where(target: OffboxTarget): string {
  switch (target.kind) {
    case 'folder':
      return target.path;
    case 'sftp':
      return `sftp://${target.user}@${target.host}:${target.port}${target.path}`;
    case 'rest':
      return `rest:${target.url}`;
    case 's3':
      return `s3:${target.url}/${target.bucket}${target.prefix === undefined ? '' : `/${target.prefix}`}`;
  }
}

/** @throws {Failure} when it is none */
function targetOf(text: string): OffboxTarget {
  if (text.startsWith('/')) return { kind: 'folder', path: text };
  const [, scheme = '', rest = ''] = /^(sftp|rest|s3):(.+)$/.exec(text) ?? [];
  const address = scheme === 'sftp' ? `http:${rest}` : rest;
  if (!URL.canParse(address)) throw new Failure(`A TARGET is one of\n  ${targets}`, 2);
  const url = new URL(address);
  const user = decodeURIComponent(url.username);
  if (url.password !== '') throw new Failure('A password belongs on standard input, with --secret-stdin.', 2);
  url.username = '';
  if (scheme === 'sftp') {
    const path = decodeURIComponent(url.pathname).replace(/^\/~\//, '');
    return { kind: 'sftp', host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 22), user, path };
  }
  if (scheme === 'rest') return { kind: 'rest', url: url.href, ...(user !== '' && { user }) };
  const [bucket = '', ...prefix] = url.pathname.split('/').filter((part) => part !== '');
  const place = { url: url.origin, bucket, user };
  return { kind: 's3', ...place, ...(prefix.length > 0 && { prefix: prefix.join('/') }) };
}

/** What stands on standard input, for each of `names` that is asked for, in this order: a line each, a key to the end. */
async function secretsOf<Name extends keyof Values>(
  values: Values,
  names: readonly Name[],
  terminal: Terminal,
): Promise<Partial<Record<Name, string>>> {
  const wanted = names.filter((name) => values[name] === true);
  if (wanted.length === 0) return {};
  let text = '';
  for await (const piece of terminal.input) {
    text += piece.toString();
    if (text.length > secretsBytesMax) throw new Failure('That is more than secrets are.', 2);
  }
  const given = text.split('\n');
  const found: Partial<Record<Name, string>> = {};
  for (const name of wanted) {
    found[name] = name === 'ssh-key-stdin' ? given.splice(0).join('\n') : (given.shift() ?? '').replace(/\r$/, '');
    if (found[name] === '') throw new Failure(`--${name}: nothing stands on standard input for it.`, 2);
  }
  return found;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new Failure(`${name} is missing.\n\n${offboxUsage}`, 2);
  return value;
}

function read(args: string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Failure(`${(error as Error).message}\n\n${offboxUsage}`, 2);
  }
}
