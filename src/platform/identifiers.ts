/**
 * Identifiers and codes made from random bytes, which come in by argument.
 */
export type RandomBytes = (size: number) => Buffer;

/** Crockford's base 32: no I, L, O or U, so that nothing is mistaken when read out or typed. */
export const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A random UUID (RFC 9562, section 5.4). */
export function randomUuid(randomBytes: RandomBytes): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A code for people: `groups` groups of four symbols with dashes between them; 5 bits a symbol. */
export function randomCode(randomBytes: RandomBytes, groups: number): string {
  const bytes = randomBytes(groups * 4);
  const text = Array.from(bytes, (byte) => symbols.charAt(byte & 31)).join('');
  return (text.match(/.{4}/g) ?? []).join('-');
}

/** The form in which typed codes are compared: case, dashes, spaces and look-alikes (O, I, L) do not matter. */
export function normalCode(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}_.]/gu, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}
