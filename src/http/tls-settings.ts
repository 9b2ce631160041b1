/**
 * Owns what the box speaks of TLS: versions, cipher suites and their order.
 * One value for every context: OpenSSL takes the suites from the context that SNI chose, their order's say from the
 * server's own.
 */
import { constants } from 'node:crypto';

export type TlsSettings = Readonly<{
  minVersion: 'TLSv1.2';
  ciphers: string;
  honorCipherOrder: true;
  secureOptions: number;
}>;

/** Authenticated encryption with forward secrecy only. RSA is for a certificate that the owner brings. */
const aes = {
  tls13: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
  tls12: [
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ],
};
const chaCha20 = {
  tls13: ['TLS_CHACHA20_POLY1305_SHA256'],
  tls12: ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
};

/**
 * @param aesInstructions whether this CPU has them. Without, AES costs several times as much as ChaCha20 (and is hard to
 * do in constant time), so ChaCha20 goes first. With them AES does, but for a client that itself puts ChaCha20 first: it
 * has none.
 */
export function tlsSettings(aesInstructions: boolean): TlsSettings {
  const order = aesInstructions ? [aes, chaCha20] : [chaCha20, aes];
  const ciphers = [...order.flatMap(({ tls13 }) => tls13), ...order.flatMap(({ tls12 }) => tls12)];
  return {
    minVersion: 'TLSv1.2',
    ciphers: ciphers.join(':'),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/** Whether /proc/cpuinfo (its text; proc(5)) tells of AES instructions: `flags` on x86, `Features` on ARM. */
export function hasAesInstructions(cpuinfo: string): boolean {
  const lines = cpuinfo.split('\n').filter((line) => /^(flags|Features)\s*:/.test(line));
  return lines.length > 0 && lines.every((line) => /\saes(\s|$)/.test(line));
}
