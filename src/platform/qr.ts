/** A text as an SVG picture: black on white in every theme, with the 4 modules of quiet zone (ISO/IEC 18004). */
export async function qrSvg(text: string): Promise<string> {
  // Its 3 MB only where somebody pairs a phone.
  const { default: QRCode } = await import('qrcode');
  return await QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 });
}
