import QRCode from 'qrcode';

/** A text as an SVG picture: black on white in every theme, with the 4 modules of quiet zone (ISO/IEC 18004). */
export function qrSvg(text: string): Promise<string> {
  return QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 });
}
