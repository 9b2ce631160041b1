/** Endings of an invitation: by the code of the box's refusal. */
type Ending = Readonly<{ title: string; text: string }>;

const endings: Readonly<Record<string, Ending>> = {
  'pairing-used': {
    title: 'This invitation has been used',
    text: 'It works once. If that was not you, tell the owner, who can take the phone off the list. Otherwise ask for a new one.',
  },
  'pairing-expired': {
    title: 'This invitation has run out',
    text: 'It lasts 15 minutes, and a newer one takes its place. Nothing was paired. Ask the owner for a new one.',
  },
  'pairing-unknown': {
    title: 'The box does not know this invitation',
    text: 'The link may be cut short, or for another box. Nothing was paired. Open the whole link again, or ask for a new one.',
  },
};

export const pair = {
  step: (at: number, of: number) => `Step ${at} of ${of}`,
  asking: 'Looking at the invitation',
  insecureTitle: 'Trust this box first',
  insecureText:
    'This page cannot keep a key: it needs the box’s https address, and a certificate that this phone trusts. How to install it stands on the page that the box shows at its http address.',
  getCertificate: 'Get the certificate',
  getProfile: 'Get it for iPhone or iPad',

  homeTitle: 'Put Nightjar on the home screen',
  homeText: 'Safari forgets a page after seven days. The home screen does not.',
  homeSteps: [
    { what: 'Tap Share', where: 'In the bar at the bottom; on an iPad at the top' },
    { what: 'Add to Home Screen', where: 'A little way down the list' },
    { what: 'Open it from there', where: 'Pairing goes on in the app' },
  ],
  homeFoot: 'If the app asks for a code, it is on the owner’s screen.',
  homeSkip: 'Pair in Safari all the same',

  codeTitle: 'Type the pairing code',
  codeText: 'It stands on the owner’s screen: eight letters and digits.',
  codeLabel: 'Pairing code',
  codeHint: 'The dash sets itself. A code lasts 15 minutes.',
  codeShort: 'A code has eight letters and digits.',
  codeLook: 'Look up the code',
  signInInstead: 'Not pairing? Sign in instead',

  title: (person: string) => `This is ${person}’s phone`,
  made: (by: string | null, time: string) =>
    by === null
      ? `Somebody at the box made this invitation at ${time}. It works once.`
      : `${by} made this invitation at ${time}. It works once.`,
  runsOut: (minutes: number) => (minutes <= 1 ? 'It runs out within a minute.' : `It runs out in ${minutes} minutes.`),
  replaces: (old: string) =>
    `It takes the place of ${old}: folder and history stay, nothing is sent twice, and whatever the old phone held stops working.`,
  name: 'Name of this phone',
  suggestedName: (person: string, device: string) => `${person}’s ${device}`,
  folder: 'Folder on the box',
  folderHint: 'New photos get a folder for each month.',
  otherFolder: 'Another folder',
  newFolder: 'Name of the folder',
  newFolderHint: (inside: string) => `It has to be inside ${inside}.`,
  key: 'The key stays in this phone and cannot be copied. With it you can approve sign-ins. It cannot delete a photo.',
  keyOnly: 'What this phone gets stays in it. It can add photos, and cannot delete one.',
  compare: 'Compare with the owner’s screen',
  compareText: 'The box’s fingerprint. If it differs, stop: this is another box.',
  compareByCode:
    'By a typed code the box itself says it: compare it also with the certificate that this browser shows.',
  byCommand: 'Or back up with nightjar-phone',
  byCommandText:
    'For a computer, or Termux on Android: it runs every night, and takes this invitation instead of the page.',
  getClient: 'Download nightjar-phone.tgz',
  install: 'Install it; it needs Node.js 20 or newer',
  pairBy: 'Pair it with this link',
  linkIsKey: 'The link is a key until it is used. Send it to nobody.',
  pairThis: 'Pair this phone',
  notMine: 'This is not my phone',

  refusedTitle: 'Nothing was paired',
  refusedText: 'The invitation is dead, and whoever made it was told. You can close this page.',
  ending: (code: string): Ending | undefined => endings[code],
  failedTitle: 'That did not work',
  codeInstead: 'Type a code instead',

  joinedTitle: (phone: string) => `${phone} has joined`,
  joinedText: 'The owner sees it on the list of phones, and can take it off again at any time.',
  approves: 'It asks you when somebody signs in with your password, and only you let them in.',
  codesTitle: 'Keep these ten codes',
  codesText: 'Each opens your door once, should this phone be lost. They are shown this once.',
  codesKept: 'I wrote them down',
  nightTitle: 'Back up every night',
  nightByApp: 'A web page cannot see your photos at night. The Nextcloud app can, and sends them to your box.',
  letAppIn: 'Let the waiting app in',
  inPictures: 'The settings in pictures',
  otherWays: 'Other ways',
  byWebdav: 'Or by a WebDAV client',
  nextText:
    'A web page cannot see your photos at night. Send them from here now; for every night, let a program do it.',
  backUp: 'Back up now',
  everyNight: 'Have it run every night',
  later: 'I’ll do this later',
  toHomeScreen: 'Put it on the home screen',
  already: (phone: string) => `This is ${phone}`,
  alreadyText: 'It is paired with the box already. A new code would make another phone of it.',
  open: 'Open its page',
  pairAgain: 'Pair it anew',
};
