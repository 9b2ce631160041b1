/**
 * Owns the configuration profile by which iPhones, iPads and Macs install the box's root certificate (Apple,
 * "Configuration Profile Reference": TopLevel, CertificateRoot). Says nothing but the certificate.
 */
import { createHash, X509Certificate } from 'node:crypto';

export const mobileConfigType = 'application/x-apple-aspen-config';

/**
 * The profile, as XML. The same certificate makes the same bytes: its identifiers follow from the fingerprint, so that
 * who installs it again replaces it, and the profiles of two boxes stand side by side.
 */
export function mobileConfig(rootDer: Uint8Array): string {
  const fingerprint = createHash('sha256').update(rootDer).digest('hex');
  const name = escapeXml(commonName(rootDer));
  const identifier = `org.nightjar.root.${fingerprint.slice(0, 16)}`;
  const content = Buffer.from(rootDer).toString('base64');
  const about = `Lets this device know the Nightjar box in your house. SHA-256 of the certificate: ${fingerprint}`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${entry('PayloadType', 'Configuration')}
<key>PayloadVersion</key><integer>1</integer>
${entry('PayloadIdentifier', identifier)}
${entry('PayloadUUID', uuidFrom(`profile ${fingerprint}`))}
${entry('PayloadDisplayName', name)}
${entry('PayloadDescription', about)}
<key>PayloadRemovalDisallowed</key><false/>
<key>PayloadContent</key>
<array>
<dict>
${entry('PayloadType', 'com.apple.security.root')}
<key>PayloadVersion</key><integer>1</integer>
${entry('PayloadIdentifier', `${identifier}.certificate`)}
${entry('PayloadUUID', uuidFrom(`certificate ${fingerprint}`))}
${entry('PayloadDisplayName', name)}
${entry('PayloadCertificateFileName', 'nightjar-root.der')}
<key>PayloadContent</key>
<data>${content}</data>
</dict>
</array>
</dict>
</plist>
`;
}

function entry(key: string, text: string): string {
  return `<key>${key}</key><string>${text}</string>`;
}

/** A UUID of version 8 (RFC 9562, section 5.8): the first bits of a digest. */
function uuidFrom(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    .toUpperCase();
}

function commonName(der: Uint8Array): string {
  const name = /^CN=(.*)$/m.exec(new X509Certificate(der).subject)?.[1] ?? 'Nightjar root';
  // Node writes the names of a certificate with the escapes of RFC 4514, section 2.4.
  return name.replace(/\\(.)/g, '$1');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one] ?? '');
}
