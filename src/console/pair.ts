/** `nightjar pair`: opens a pairing and shows it: QR code, link, short code, time left. */
import { open } from 'node:fs/promises';
import QRCode from 'qrcode';
import type { phonesContract } from '../phones/contract.ts';
import { qrText } from '../platform/qr.ts';
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
  if (asked.png === undefined && asked.svg === undefined) {
    const drawn = await qrText(link, terminal.columns);
    terminal.out(drawn ?? 'The terminal is too narrow for the QR code: use --png or --svg.');
  }
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
