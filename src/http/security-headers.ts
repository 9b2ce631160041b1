/**
 * Owns the headers that every answer of the box carries, whatever it answers: pages, the API, files, refusals.
 * Never sets Strict-Transport-Security: a browser that has it offers no way past a certificate that it cannot check, and
 * a box whose phone lost its certificate would be locked for good. Never allows another origin (no CORS).
 */

/** Of what is no page: shown by itself it runs nothing, loads nothing, and has an origin of its own (CSP 3). */
const dataPolicy = "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of a page: what the box itself serves as files, and no inline block or attribute. */
const pagePolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** What the pages use is theirs alone; the rest is nobody's. */
const deniedFeatures = [
  ...['accelerometer', 'browsing-topics', 'camera', 'display-capture', 'geolocation', 'gyroscope'],
  ...['hid', 'magnetometer', 'microphone', 'midi', 'payment', 'serial', 'usb'],
].map((feature) => `${feature}=()`);

/** Those of an answer that says nothing else of itself, a refusal or an error of the box included. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': dataPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // For browsers that do not know frame-ancestors.
  'x-frame-options': 'DENY',
  'permissions-policy': [...deniedFeatures, 'screen-wake-lock=(self)'].join(', '),
  'cache-control': 'no-store',
} as const;

/** In their place, those of a page that is the box's own work, or of a script that may run as a worker. */
export const pageHeaders = { 'content-security-policy': pagePolicy, 'cache-control': 'no-cache' } as const;
