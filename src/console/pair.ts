/** `nightjar pair`: opens a pairing and shows it: QR code, link, short code, time left. */
import { open } from 'node:fs/promises';
import QRCode from 'qrcode';
import type { phonesContract } from '../phones/contract.ts';
import type { Static } from '../platform/schema.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { grouped, timeLeft } from './print.ts';
import type { Terminal } from './terminal.ts';

type PairingReply = Static<(typeof phonesContract)['createPairing']['reply']>;

type PairRequest = Readonly<{
  person: string;
  phone: string;
  json: boolean;
  png: string | undefined;
  svg: string | undefined;
}>;

const pngPixels = 600;

export async function runPair(asked: PairRequest, box: BoxSocket, terminal: Terminal): Promise<void> {
  const body = { person: asked.person, phone: asked.phone };
  const pairing = (await box.ask('POST', '/api/pairings', body)) as PairingReply;
  const { link, code, phone, person, fingerprint, addresses, expiresAt } = pairing;
  if (asked.png !== undefined) {
    await writePrivately(asked.png, await QRCode.toBuffer(link, { type: 'png', margin: 4, width: pngPixels }));
  }
  if (asked.svg !== undefined) await writePrivately(asked.svg, pairing.qrSvg);
  if (asked.json) {
    terminal.out(JSON.stringify({ link, code, phone, person, fingerprint, addresses, expiresAt }));
    return;
  }
  if (asked.png === undefined && asked.svg === undefined) terminal.out(await terminalQr(link, terminal));
  const left = timeLeft(expiresAt - terminal.now());
  terminal.out(
    [
      `For ${phone}, a phone of ${person}. Works once, ${left} left.`,
      '',
      `Link  ${link}`,
      `Code  ${code}`,
      '',
      'The box’s fingerprint, to compare:',
      ...grouped(fingerprint).map((line) => `  ${line}`),
    ].join('\n'),
  );
}

/** Black on white whatever the terminal's colours; half blocks, so that it fits 24 lines or little more. */
async function terminalQr(link: string, terminal: Terminal): Promise<string> {
  const text = (await QRCode.toString(link, { type: 'utf8', errorCorrectionLevel: 'L', margin: 4 })).replace(
    /\n+$/,
    '',
  );
  if (terminal.columns === undefined) return text;
  const rows = text.split('\n');
  const width = Math.max(...rows.map((row) => row.length));
  if (width > terminal.columns) return 'The terminal is too narrow for the QR code: use --png or --svg.';
  // Palette entries 16 and 231 are true black and white in every theme.
  return rows.map((row) => `\u001b[38;5;16;48;5;231m${row.padEnd(width)}\u001b[0m`).join('\n');
}

/** The picture carries the secret: for this user alone. */
async function writePrivately(path: string, data: Uint8Array | string): Promise<void> {
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(data);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Failure(
      `The picture could not be written to ${path}: ${(error as Error).message}. The pairing is open all the same; it closes by itself.`,
    );
  }
}
