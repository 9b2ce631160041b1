import QRCode from 'qrcode';

/** The link as an SVG picture: black on white in every theme, with the 4 modules of quiet zone (ISO/IEC 18004). */
export function pairingQrSvg(link: string): Promise<string> {
  return QRCode.toString(link, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 });
}
