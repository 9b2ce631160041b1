export const authenticator = {
  scan: 'Scan this with an app for one-time codes',
  text: 'Any will do: Aegis, 2FAS, Google Authenticator, a password manager.',
  key: 'Or type this key into it',
  code: 'The six digits that it shows',
  time: (time: string) => `The box thinks it is ${time}. The codes depend on the time of both.`,
  qr: 'Code to scan for one-time codes',
  expired: 'This key has run out: its first code is due within 15 minutes.',
  anew: 'New key',
} as const;
