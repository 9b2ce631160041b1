/** The machine that the box stands on, from the console: `nightjar network`, `join-wifi`, `restart` and the like. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { BoxView } from '../appliance/contract.ts';
import type { LastJoin, NetworkView, RemoteShellView } from '../appliance/device-contract.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { table } from './print.ts';
import type { Terminal } from './terminal.ts';

const lookMs = 1_000;
/** Longer than the box tries. */
const joinLooksMax = 150;
const inputBytesMax = 4_096;
const keysMax = 8;

type Asked = Readonly<{ values: Values; rest: readonly string[] }>;
type Verb = (asked: Asked, box: BoxSocket, terminal: Terminal) => Promise<void>;
type Values = Readonly<{ [K in keyof typeof options]?: string | boolean | undefined }>;

const options = {
  json: { type: 'boolean' },
  look: { type: 'boolean' },
  country: { type: 'string' },
  'password-stdin': { type: 'boolean' },
} as const;
const why: Readonly<Record<NonNullable<LastJoin['why']>, string>> = {
  'not-found': 'No network of this name is seen.',
  'wrong-password': 'The password is wrong.',
  'no-address': 'It was joined, and nobody there gave the box an address.',
  'no-answer': 'It is seen, and does not let the box in.',
  failed: 'The box could not try it; its log says more.',
};

const verbs: Readonly<Record<string, Verb>> = {
  network,
  'join-wifi': joinWifi,
  'forget-wifi': async (_asked, box, terminal) => {
    await box.ask('DELETE', '/api/network/wifi');
    terminal.out('The box is in no Wi-Fi any more, and knows none.');
  },
  restart: async (_asked, box, terminal) => {
    await box.ask('POST', '/api/box/restart');
    terminal.out('The box restarts. It is back in a minute or two.');
  },
  'shut-down': async (_asked, box, terminal) => {
    await box.ask('POST', '/api/box/shut-down');
    terminal.out('The box lets its disks go, and turns itself off. Pull its plug when its light is out, or red.');
  },
  'factory-reset': async ({ rest: [name] }, box, terminal) => {
    if (name === undefined) throw new Failure('The NAME of the box is missing. "nightjar --help" says how.', 2);
    await box.ask('POST', '/api/box/factory-reset', { name });
    terminal.out('The box restarts, and is as new then. Photos stay on their disks; a new box can adopt them.');
  },
  ssh: remoteShell,
};

/** As the other commands are: by their first word. */
export const deviceVerbs = Object.fromEntries(
  Object.entries(verbs).map(([name, run]) => [
    name,
    async (args: string[], box: BoxSocket, terminal: Terminal) => await run(read(args), box, terminal),
  ]),
);

async function network({ values }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const { addresses } = (await box.ask('GET', '/api/box')) as BoxView;
  const asked = values.look === true ? box.ask('POST', '/api/network/look') : box.ask('GET', '/api/network');
  const view = (await asked) as NetworkView;
  if (values.json === true) return terminal.out(JSON.stringify({ addresses, ...view }));
  for (const address of addresses) terminal.out(`https://${address}`);
  for (const { name, kind, up, addresses: own } of view.links)
    terminal.out(`${name} (${kind}): ${up ? own.join(', ') || 'no address' : 'not connected'}`);
  if (view.wifi === null) return;
  const { joined, seen } = view.wifi;
  terminal.out(joined === null ? 'Wi-Fi: in no network' : `Wi-Fi: in “${joined.ssid}”`);
  const words = { open: 'open', password: 'with a password', unsupported: 'of a kind the box cannot join' };
  const rows = seen.map(({ ssid, signalDbm, security }) => [ssid, `${signalDbm} dBm`, words[security]]);
  if (rows.length > 0) terminal.out(table(['NETWORK', 'SIGNAL', ''], rows));
}

/** Waits for what comes of it: over this very network the answer might never come, here it does. */
async function joinWifi({ values, rest: [ssid] }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  if (ssid === undefined) throw new Failure('The NAME of the network is missing. "nightjar --help" says how.', 2);
  const passphrase = values['password-stdin'] === true ? await readLine(terminal.input) : '';
  const country = typeof values.country === 'string' ? { country: values.country.toUpperCase() } : {};
  await box.ask('PUT', '/api/network/wifi', { ssid, passphrase, ...country });
  terminal.err('The box tries it. That takes a minute at most.');
  for (let looks = 0; looks < joinLooksMax; looks++) {
    await sleep(lookMs);
    const { joining, lastJoin, wifi } = (await box.ask('GET', '/api/network')) as NetworkView;
    if (joining !== null || lastJoin === null) continue;
    if (values.json === true) return terminal.out(JSON.stringify(lastJoin));
    if (lastJoin.outcome === 'joined') return terminal.out(`The box is in “${lastJoin.ssid}” now.`);
    const back = lastJoin.outcome === 'fell-back' ? ` It is in “${wifi?.joined?.ssid ?? ''}” again.` : '';
    throw new Failure(`The box is not in “${lastJoin.ssid}”. ${why[lastJoin.why ?? 'failed']}${back}`);
  }
  throw new Failure('The box still tries. "nightjar network" says what came of it.');
}

async function remoteShell({ values, rest }: Asked, box: BoxSocket, terminal: Terminal): Promise<void> {
  const [action = 'status', file] = rest;
  if (!['on', 'off', 'status'].includes(action))
    throw new Failure('"nightjar ssh" takes on, off or status. "nightjar --help" says how.', 2);
  const path = '/api/box/remote-shell';
  const keys = file === undefined ? {} : { keys: await readKeys(file) };
  const asked = action === 'status' ? box.ask('GET', path) : box.ask('PUT', path, { on: action === 'on', ...keys });
  const view = (await asked) as RemoteShellView;
  if (values.json === true) return terminal.out(JSON.stringify(view));
  if (!view.appliance) return terminal.out('Coming in by ssh is for this machine’s own system to decide.');
  terminal.out(
    view.on ? `By ssh, as ${view.user}, the owners of these keys may come in:` : 'Nobody may come in by ssh.',
  );
  if (view.on)
    for (const { line, fingerprint } of view.keys) terminal.out(`  ${fingerprint} ${line.split(' ')[2] ?? ''}`);
}

async function readKeys(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Failure(`${file} cannot be read. Nothing was changed.`);
  });
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, keysMax);
}

function read(args: string[]): Asked {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    if (positionals.length <= 2) return { values, rest: positionals };
  } catch (error) {
    throw new Failure(`${(error as Error).message.split('. ')[0]}. "nightjar --help" says how.`, 2);
  }
  throw new Failure('That is too many names: put quotes around one with spaces. "nightjar --help" says how.', 2);
}

async function readLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += chunk.toString();
    if (text.length > inputBytesMax) throw new Failure('That is too long for a password. Nothing was sent.', 2);
  }
  return text.replace(/\r?\n$/, '');
}
