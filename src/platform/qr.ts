/** A text as an SVG picture: black on white in every theme, with the 4 modules of quiet zone (ISO/IEC 18004). */
export async function qrSvg(text: string): Promise<string> {
  // Its 3 MB only where somebody pairs a phone.
  const { default: QRCode } = await import('qrcode');
  return await QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 4 });
}

/**
 * The same for a terminal `columns` wide (undefined: the output is a file): black on white whatever its colours; half blocks,
 * so that it fits 24 lines or little more. Undefined: it does not fit.
 */
export async function qrText(text: string, columns: number | undefined): Promise<string | undefined> {
  const { default: QRCode } = await import('qrcode');
  const drawn = await QRCode.toString(text, { type: 'utf8', errorCorrectionLevel: 'L', margin: 4 });
  const rows = drawn.replace(/\n+$/, '').split('\n');
  if (columns === undefined) return rows.join('\n');
  const width = Math.max(...rows.map((row) => row.length));
  if (width > columns) return undefined;
  // Palette entries 16 and 231 are true black and white in every theme.
  return rows.map((row) => `\u001b[38;5;16;48;5;231m${row.padEnd(width)}\u001b[0m`).join('\n');
}
