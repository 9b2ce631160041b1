/** Public keys as ssh writes them (RFC 4253, section 6.6; sshd(8)): `type base64 comment`, and no options before them. */
import { createHash } from 'node:crypto';

const types = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
];
const lineCharsMax = 2_048;
/** One space between its parts, and nothing in it that is not shown. */
const form = /^([a-z0-9@.-]{7,40}) ([A-Za-z0-9+/]{60,1800}={0,2})(?: [!-~](?:[ -~]{0,98}[!-~])?)?$/;

export function isPublicKey(line: string): boolean {
  const [, type = '', base64 = ''] = form.exec(line) ?? [];
  if (line.length > lineCharsMax || !types.includes(type)) return false;
  const blob = Buffer.from(base64, 'base64');
  // The key says its type itself, as a string of SSH (RFC 4251, section 5).
  return (
    blob.length > 4 && blob.readUInt32BE(0) === type.length && blob.toString('latin1', 4, 4 + type.length) === type
  );
}

/** As `ssh-keygen -l` writes it. */
export function fingerprintOf(line: string): string {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
