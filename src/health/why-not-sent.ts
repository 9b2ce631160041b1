/** Why the other side of a channel did not take something, in words for who set it up: pure. Keeps what it said itself. */

/** The first that fits, by the words and codes of the machine (errno(3), Node's TLS and DNS, nodemailer). */
const reasons: ReadonlyArray<readonly [RegExp, string]> = [
  [/ECONNREFUSED/, 'Nothing takes connections there. Look at the address and the port.'],
  [/ENOTFOUND|EAI_|EDNS/, 'The box finds no such name. Look at how it is written, and whether the box has internet.'],
  [/E(HOST|NET)UNREACH|ENETDOWN/, 'The box has no way there. Look at the address, and whether the box has internet.'],
  [/ETIMEDOUT|timeout|too long/i, 'There is no answer. Look at the address, the port, and how it is secured.'],
  [
    /wrong version number|packet length too long|EPROTO|Greeting never received|STARTTLS/i,
    'No secure connection comes about. Look at how it is secured, and at the port that goes with it.',
  ],
  [
    /certificate|altnames|CERT_|_CERT|UNABLE_TO_/i,
    'Its certificate is not one that the box can check. Look whether the name is the one that the certificate is for.',
  ],
  [/ECONNRESET|EPIPE|closed|hang up|ESOCKET/i, 'The connection broke. Look at the port, and at how it is secured.'],
];

/** `error`: as Node or nodemailer gives it. An answer of the other side (RFC 5321, section 4.2) is kept as it is. */
export function whyNotSent(error: unknown): string {
  const { message = String(error), code = '' } = error as { message?: string; code?: string };
  const { responseCode, response = message } = error as { responseCode?: number; response?: string };
  if (code === 'EAUTH') return `The user name or the password is not taken. The server says: ${response}`;
  if (responseCode !== undefined) return `The server does not take it. It says: ${response}`;
  const known = reasons.find(([pattern]) => pattern.test(`${code} ${message}`));
  return known?.[1] ?? message;
}

/** An answer to a post that is not a yes (RFC 9110, section 15). */
export function refusedPost(status: number): string {
  const said = `The other side answered ${status}.`;
  if (status === 401 || status === 403) return `${said} It wants another token, or one at all.`;
  if (status === 404 || status === 410) return `${said} There is nothing at this address: look at it.`;
  if (status >= 300 && status < 400) return `${said} It sends elsewhere, where the box does not go: take that address.`;
  return said;
}
