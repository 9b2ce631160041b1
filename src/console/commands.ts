/**
 * The verbs of `nightjar`: reads what was asked, asks the daemon, prints. Results go to `out`, everything else to
 * `err`, so that `--json` prints one object and nothing more.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { accessContract } from '../access/contract.ts';
import type { HousemateView, householdContract } from '../access/household-contract.ts';
import type { applianceContract } from '../appliance/contract.ts';
import type { boxCopiesContract } from '../copies/box-copies-contract.ts';
import type { Static } from '../platform/schema.ts';
import { adopt, lookAtAdoption } from './adopt.ts';
import { BoxSocket } from './box-socket.ts';
import { deviceVerbs } from './device.ts';
import { Failure } from './failure.ts';
import { runMenu } from './menu.ts';
import { runOffbox } from './offbox.ts';
import { runPair } from './pair.ts';
import { listPhones, renamePhone, revokePhone } from './phones.ts';
import { facts, moment, table } from './print.ts';
import { endSessions, listSessions, resetPassword, resetSecondFactor, showAudit } from './recovery.ts';
import { runShare } from './share.ts';
import type { Terminal } from './terminal.ts';
import { listImports, oneImport, runExport, runImport } from './transfers.ts';

const usage = `nightjar: the console of the box. The daemon has to be running.

  nightjar setup --code CODE --person NAME --password-stdin   claim a new box; the password is read from standard input
  nightjar adopt [--copy NAME] [--json]                       become the box whose library is on this new box's disk, with
           --password-stdin | --recovery-key-stdin            its people and phones; without a secret: say what is there
  nightjar pair --person NAME --phone NAME                    open a pairing: QR code, link and short code, 15 minutes
           [--json] [--png FILE] [--svg FILE]
  nightjar status [--json]                                    how the box is, and its setup code while it has no owner
  nightjar name [NEW] [--json]                                what the box is called; call it something else
  nightjar people [--json]                                    the people of the house
  nightjar people add NAME                                    with a link by which they choose their password
  nightjar phones [--json]                                    the phones, when each was last seen and comes next
  nightjar phones rename ID|NAME NEW                          give a phone another name
  nightjar phones revoke ID|NAME                              end a phone's access; its photos stay
  nightjar reset-password PERSON [--json]                     a link and a code to choose a new password, for an hour
  nightjar reset-second-factor PERSON [--json]                take codes, approving phones and recovery codes away
  nightjar sessions PERSON [end] [--json]                     where somebody is signed in; end it everywhere
  nightjar audit [--last N] [--json]                          who did what to whom
  nightjar import DIR --person NAME [--all-files]             copy the photos of a folder into a library; it stays as it is
           [--background] [--json]
  nightjar imports [ID [stop]] [--json]                       what was imported, and what was left out and why; stop one
  nightjar export DIR [--person NAME] [--json]                copy the library to a folder, each file read back; the same
                                                              command again goes on where it ended
  nightjar share [on | off | status] [--json]                 people open their own photos from a computer, read-only (SMB)
  nightjar offbox [status|run|check|drill|restore DIR]...     a copy on another machine, and the way back from there;
                                                              "nightjar offbox help" says how
  nightjar open-copy FILE DIR --password-stdin                open a sealed copy of a box's state (they lie on its disk,
           | --recovery-key-stdin [--json]                    under .nightjar/box-state) into the new folder DIR
  nightjar network [--look] [--json]                          where the box answers, its networks; --look: for Wi-Fi too
  nightjar join-wifi NAME [--country CC] [--password-stdin]   try a Wi-Fi network, and go back where that fails
  nightjar forget-wifi                                        leave the Wi-Fi, and know none any more
  nightjar restart | shut-down                                the whole machine; before shut-down its disks are let go
  nightjar factory-reset NAME                                 by the name of the box: as it was when new; photos stay
  nightjar ssh [on FILE | off | status] [--json]              let the owners of the keys in FILE in, from the local network
  nightjar menu                                               the same by number, for the box's own screen

The state folder is NIGHTJAR_STATE_DIR, or .run/state in the current folder.`;

const passwordBytesMax = 4_096;

/** Runs one command. Resolves with the exit status: 0 done, 1 failed, 2 asked wrongly. Never rejects. */
export async function runConsole(args: readonly string[], terminal: Terminal): Promise<number> {
  const [verb, ...rest] = args;
  try {
    if (verb === undefined) throw new Failure(`${usage}`, 2);
    if (verb === '--help' || verb === '-h' || verb === 'help' || asksForHelp(rest)) {
      terminal.out(usage);
      return 0;
    }
    const run = verbs.get(verb);
    if (run === undefined) throw new Failure(`There is no command "${verb}". "nightjar --help" lists them.`, 2);
    await run(rest, new BoxSocket(terminal.stateDir), terminal);
    return 0;
  } catch (error) {
    const failure = error instanceof Failure ? error : new Failure(`This failed: ${(error as Error).message}`);
    terminal.err(failure.message);
    return failure.exitCode;
  }
}

/** After `--` a word is a name, whatever it looks like. */
function asksForHelp(rest: readonly string[]): boolean {
  const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  return options.includes('--help') || options.includes('-h');
}

type Verb = (args: string[], box: BoxSocket, terminal: Terminal) => Promise<void>;

const verbs: ReadonlyMap<string, Verb> = new Map(
  Object.entries<Verb>({
    setup: runSetup,
    adopt: runAdopt,
    pair: async (args, box, terminal) => {
      const { values } = parse(args, {
        person: { type: 'string' },
        phone: { type: 'string' },
        json: { type: 'boolean' },
        png: { type: 'string' },
        svg: { type: 'string' },
      });
      const person = required(values.person, '--person NAME');
      const phone = required(values.phone, '--phone NAME');
      await runPair({ person, phone, json: values.json === true, png: values.png, svg: values.svg }, box, terminal);
    },
    status: runStatus,
    name: runName,
    people: runPeople,
    phones: runPhones,
    'reset-password': async (args, box, terminal) => resetPassword(onePerson(args), box, terminal),
    'reset-second-factor': async (args, box, terminal) => resetSecondFactor(onePerson(args), box, terminal),
    sessions: runSessions,
    audit: async (args, box, terminal) => {
      const { values } = parse(args, { json: { type: 'boolean' }, last: { type: 'string' } });
      const last = Number(values.last ?? 50);
      if (!Number.isInteger(last) || last < 1 || last > 500)
        throw new Failure('--last takes a number from 1 to 500.', 2);
      await showAudit({ last, json: values.json === true }, box, terminal);
    },
    import: runImportVerb,
    imports: runImports,
    export: async (args, box, terminal) => {
      const { values, positionals } = parse(args, { person: { type: 'string' }, json: { type: 'boolean' } }, 1);
      const folder = resolve(required(positionals[0], 'DIR'));
      await runExport({ folder, person: values.person, json: values.json === true }, box, terminal);
    },
    share: async (args, box, terminal) => {
      const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 1);
      await runShare({ action: positionals[0] ?? 'status', json: values.json === true }, box, terminal);
    },
    offbox: runOffbox,
    ...deviceVerbs,
    'open-copy': runOpenCopy,
    menu: async (args, _box, terminal) => {
      parse(args, {});
      await runMenu(terminal, (line, input) => runConsole(line, { ...terminal, input }));
    },
  }),
);

async function runSetup(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values } = parse(args, {
    code: { type: 'string' },
    person: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const code = required(values.code, '--code CODE');
  const person = required(values.person, '--person NAME');
  if (values['password-stdin'] !== true) {
    throw new Failure(
      'Give the password on standard input, with --password-stdin: in an argument others could read it.',
      2,
    );
  }
  const password = await readPassword(terminal.input);
  const reply = (await box.ask('POST', '/api/setup', { code, person, password })) as Reply<'claim'>;
  if (values.json === true) return terminal.out(JSON.stringify(reply));
  terminal.out(`The box is set up, and ${reply.person.name} is its owner. Pair the first phone with "nightjar pair".`);
}

async function runAdopt(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values } = parse(args, {
    code: { type: 'string' },
    copy: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    'recovery-key-stdin': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  // Whoever may read the file owns the new box anyway.
  const code = required(values.code ?? (await readSetupCode(terminal.stateDir)), '--code CODE');
  const json = values.json === true;
  const byPassword = values['password-stdin'] === true;
  const byKey = values['recovery-key-stdin'] === true;
  if (byPassword && byKey) throw new Failure('Give the password or the recovery key, not both.', 2);
  if (!byPassword && !byKey) return await lookAtAdoption({ code, json }, box, terminal);
  const secret = await readPassword(terminal.input);
  const opener = byPassword ? { password: secret } : { recoveryKey: secret };
  await adopt({ code, copy: values.copy, opener, json }, box, terminal);
}

async function runStatus(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values } = parse(args, { json: { type: 'boolean' } });
  const health = await box.ask('GET', '/api/health');
  const { claimed } = (await box.ask('GET', '/api/setup')) as Reply<'getSetup'>;
  // Never over the API: whoever reads this file as the daemon's user owns the box anyway.
  const setupCode = claimed ? undefined : await readSetupCode(terminal.stateDir);
  if (values.json === true) {
    return terminal.out(JSON.stringify({ claimed, ...(setupCode !== undefined && { setupCode }), health }));
  }
  terminal.out(facts(health).join('\n'));
  if (claimed) return terminal.out('set up: yes');
  terminal.out('set up: no');
  if (setupCode !== undefined) terminal.out(`setup code: ${setupCode}`);
}

async function runName(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 1);
  const [name] = positionals;
  const asked = name === undefined ? box.ask('GET', '/api/box') : box.ask('PATCH', '/api/box', { name });
  const reply = (await asked) as Static<(typeof applianceContract)['getBox']['reply']>;
  if (values.json === true) return terminal.out(JSON.stringify(reply));
  terminal.out(`The box is called ${reply.chosenName}: https://${reply.addresses[0]}`);
}

async function runPeople(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 2);
  const [action, name] = positionals;
  const json = values.json === true;
  if (action === undefined) {
    const { people } = (await box.ask('GET', '/api/people')) as { people: Array<Static<typeof HousemateView>> };
    if (json) return terminal.out(JSON.stringify({ people }));
    const rows = people.map((person) => [
      person.name,
      person.removedAt === null ? person.role : 'removed',
      `Photos/${person.folder}`,
    ]);
    return terminal.out(
      people.length === 0 ? 'Nobody yet. Set the box up first.' : table(['NAME', 'ROLE', 'FOLDER'], rows),
    );
  }
  if (action !== 'add') throw new Failure(`There is no "people ${action}". "nightjar --help" lists the commands.`, 2);
  const asked = { person: required(name, 'NAME') };
  const reply = (await box.ask('POST', '/api/people', asked)) as Static<
    (typeof householdContract)['addPerson']['reply']
  >;
  if (json) return terminal.out(JSON.stringify(reply));
  terminal.out(`${reply.person.name} is on the box now. Photos go to Photos/${reply.person.folder}.`);
  terminal.out(`By this link they choose their password, once, until ${moment(reply.invitation.expiresAt)}:`);
  terminal.out(`  ${reply.invitation.link}`);
}

async function runSessions(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 2);
  const [name, action] = positionals;
  const asked = { name: required(name, 'PERSON'), json: values.json === true };
  if (action === undefined) return listSessions(asked, box, terminal);
  if (action !== 'end') throw new Failure(`There is no "sessions PERSON ${action}". "nightjar --help" says how.`, 2);
  await endSessions(asked, box, terminal);
}

async function runImportVerb(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const options = { person: { type: 'string' }, json: { type: 'boolean' } } as const;
  const more = { 'all-files': { type: 'boolean' }, background: { type: 'boolean' } } as const;
  const { values, positionals } = parse(args, { ...options, ...more }, 1);
  const asked = {
    folder: resolve(required(positionals[0], 'DIR')),
    person: required(values.person, '--person NAME'),
    allFiles: values['all-files'] === true,
    background: values.background === true,
    json: values.json === true,
  };
  await runImport(asked, box, terminal);
}

async function runImports(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 2);
  const [id, action] = positionals;
  const json = values.json === true;
  if (id === undefined) return await listImports(json, box, terminal);
  if (action !== undefined && action !== 'stop')
    throw new Failure(`There is no "imports ID ${action}". "nightjar --help" says how.`, 2);
  await oneImport({ id, stop: action === 'stop', json }, box, terminal);
}

async function runOpenCopy(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(
    args,
    { 'password-stdin': { type: 'boolean' }, 'recovery-key-stdin': { type: 'boolean' }, json: { type: 'boolean' } },
    2,
  );
  const file = resolve(required(positionals[0], 'FILE'));
  const dir = resolve(required(positionals[1], 'DIR'));
  const byPassword = values['password-stdin'] === true;
  if (byPassword === (values['recovery-key-stdin'] === true)) {
    throw new Failure(
      'Give the password or the recovery key on standard input, with --password-stdin or --recovery-key-stdin.',
      2,
    );
  }
  const secret = await readPassword(terminal.input);
  const opener = byPassword ? { password: secret } : { recoveryKey: secret };
  type Opened = Static<(typeof boxCopiesContract)['openBoxCopy']['reply']>;
  const reply = (await box.ask('POST', '/api/box-state/open', { file, dir, ...opener })) as Opened;
  if (values.json === true) return terminal.out(JSON.stringify(reply));
  terminal.out(
    `The state of “${reply.box}” as it was at ${moment(reply.madeAt)} is in ${dir} now. It holds keys: keep it safe.`,
  );
}

function onePerson(args: string[]): { name: string; json: boolean } {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, 1);
  return { name: required(positionals[0], 'PERSON'), json: values.json === true };
}

async function runPhones(args: string[], box: BoxSocket, terminal: Terminal): Promise<void> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } }, args.includes('rename') ? 3 : 2);
  const [action, which, name] = positionals;
  const json = values.json === true;
  if (action === undefined) return listPhones(json, box, terminal);
  if (action === 'rename') {
    const asked = { which: required(which, 'ID or NAME'), name: required(name, 'the NEW name'), json };
    return renamePhone(asked, box, terminal);
  }
  if (action === 'revoke') return revokePhone({ which: required(which, 'ID or NAME'), json }, box, terminal);
  throw new Failure(`There is no "phones ${action}". "nightjar --help" lists the commands.`, 2);
}

type Reply<K extends 'claim' | 'getSetup'> = Static<(typeof accessContract)[K]['reply']>;

/** Reads the arguments of one verb. @throws {Failure} with exit status 2 */
function parse<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: O,
  positionalsMax = 0,
) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: positionalsMax > 0, strict: true });
    if (parsed.positionals.length <= positionalsMax) return parsed;
  } catch (error) {
    throw new Failure(`${(error as Error).message.split('. ')[0]}. "nightjar --help" says how.`, 2);
  }
  throw new Failure('That is too many names: put quotes around one with spaces. "nightjar --help" says how.', 2);
}

function required(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new Failure(`${what} is missing. "nightjar --help" says how.`, 2);
  return value;
}

/** Standard input without its last line end. */
async function readPassword(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > passwordBytesMax)
      throw new Failure(`A password has at most ${passwordBytesMax} bytes. Nothing was sent.`, 2);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw new Failure('No password came on standard input. Nothing was sent.', 2);
  return password;
}

async function readSetupCode(stateDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(stateDir, 'setup-code'), 'utf8')).trim();
  } catch {
    return undefined;
  }
}
