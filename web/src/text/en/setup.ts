/** The first run. */
export const setup = {
  steps: {
    box: 'This box',
    you: 'You',
    disk: 'Disks',
    lock: 'Second lock',
    recovery: 'Recovery sheet',
    clock: 'Clock',
    tell: 'If something is wrong',
    phone: 'First phone',
  },
  rail: 'Steps of setting up',
  at: (at: number, of: number, step: string) => `Step ${at} of ${of}: ${step}`,
  stepDone: 'done',
  stepLater: 'put off',
  asking: 'One moment',
  next: 'Continue',
  later: 'Later',
  over: 'You can close this page at any time: set-up goes on where it was.',

  boxTitle: 'What is this box called?',
  boxText: 'Phones and computers in this house find it by its name.',
  code: 'Setup code',
  codeHint: 'It stands on the box’s screen, or in the file “setup-code” of its state folder.',
  codeFromLink: 'The setup code came with the link.',
  name: 'Name of the box',
  nameForm: 'Small letters, digits and dashes, and no dash at either end.',
  address: (address: string) => `It will be at ${address}`,
  zone: 'Time zone',
  zoneHint: 'Videos carry their time without a zone, and the box’s nights begin by it.',

  youTitle: 'Who looks after it?',
  youText: 'The owner adds people and phones. Other people’s photos stay theirs alone.',
  yourName: 'Your name',
  password: 'Password',
  claim: 'Continue',
  claimed: 'The box is yours.',
  moved: (name: string) =>
    `The box is called ${name} now. Should this page stop answering, go on at its new address and sign in there.`,
  goThere: (address: string) => `Go on at ${address}`,

  diskTitle: 'Where should the photos live?',
  diskFound: (n: number) =>
    n === 0
      ? 'The box found no disk that it could use. Plug one in: it appears here.'
      : n === 1
        ? 'The box found one disk. It has written nothing to it.'
        : `The box found ${n} disks. It has written to none of them.`,
  secondTitle: 'Is there a second disk?',
  secondText: (n: number) =>
    n === 0
      ? 'A second one would hold everything again, for the day on which the first one fails. Plug it in now or any day: it appears here, and under Disks.'
      : 'It holds everything again, for the day on which the first one fails. Any size and make that is large enough.',
  diskLater: 'Later',
  diskLaterWarning: 'Until a disk is chosen, no photo can come in.',
  diskPlug: 'Plug in another disk now and it appears here.',

  lockTitle: 'What else should guard it?',
  lockText: 'After the password, one more thing that only you have (two-factor sign-in).',
  lockPhone: 'The phone that I pair in a minute',
  lockPhoneText: 'Whoever signs in shows six digits, and your phone asks you for them. Nothing to install.',
  lockCodes: 'One-time codes now',
  lockCodesText: 'From an app for such codes. It works where no phone of this box is at hand.',
  lockLater: 'Not now',
  lockLaterText: 'It can be added under Security.',
  lockLaterWarning: 'Whoever learns the password has everything: every photo of yours, and this box.',
  codesName: 'Authenticator',

  sheetTitle: 'For the day something is lost',
  sheetText: 'The box shows this once. Print it or save it, then go on.',
  sheetMaking: 'The box makes your recovery key. A moment.',
  sheetAgain: 'What the box showed before is not kept anywhere. It makes a new sheet; an older one no longer counts.',
  sheetPassword: 'Your password, to make the sheet',
  makeSheet: 'Make the sheet',
  codesWithPhone:
    'Ten recovery codes come with your phone: the phone itself shows them once when it has joined. Keep them with this sheet.',
  codesNone: 'Recovery codes come with a second lock, which you have put off.',
  keepFirst: 'Print it, save it, or tick that you wrote it down.',

  clockTitle: 'May the box ask the internet for the time?',
  clockText: 'Every six hours, from pool.ntp.org. Nothing else leaves the house by it.',
  clockBox: 'The box',
  clockHere: 'This device',
  clockSame: 'They agree.',
  clockOff: (difference: string) =>
    `They differ by ${difference}. One-time codes and the dates of photos depend on it; the internet can set the box right.`,
  clockYes: 'Yes, ask for the time',
  clockNo: 'No, stay at home',

  tellTitle: 'Who hears when something is wrong?',
  tellText:
    'A phone that falls silent, a disk that fills up: the home page says it. The box can also tell you by e-mail or on your phone.',
  tellLater: 'The home page is enough',

  phoneTitle: 'Pair the first phone',
  phoneText: 'It takes about two minutes. The phone shows each step.',
  phoneLaterLock:
    'You chose a phone as your second lock: until one is paired that can approve, only the password guards this box.',
  phoneJoined: (phone: string) => `${phone} has joined`,
  phoneJoinedText: 'The set-up is done.',
  phoneJoinedLock:
    'It guards your sign-in from now on. It shows ten recovery codes, this once: keep them with the recovery sheet.',
  finish: 'See how the box is',
} as const;
