import { moment, plural } from '../format.ts';

const installing = 'apt-get install samba libnss-wrapper';

type Step = Readonly<{ what: string; where?: string; copy?: string }>;

export const share = {
  title: 'Open on a computer',
  lead: {
    off: 'Computers at home cannot open your photos as a folder yet.',
    nobody: 'Make a password, and any computer at home opens your photos as a folder.',
    'disk-away': 'The disk is not there, so no computer can open your photos just now.',
    starting: 'The share is being started. It takes a few seconds.',
    serving: 'Any computer at home opens your photos as a folder, with the password that you made for it.',
    failed: 'The share is on, and does not work.',
  },
  /** It serves, and who reads this has no password. */
  leadNone: 'Make a password, and any computer at home opens your photos as a folder.',
  text: 'A computer can look and copy, and nothing else: nothing on the box is changed or deleted by it. Each person sees their own photos alone.',
  offMember: 'The share is off',
  offMemberText: 'The owner of this box can turn it on. Meanwhile you download photos from the page Photos.',
  toPhotos: 'To the photos',
  problems: {
    'samba-missing': `Samba, which serves it, is not installed on the box. Everything else goes on. On Debian: ${installing}`,
    'port-taken':
      'Another program of the box has its port. Everything else goes on. Is Debian’s own smbd running? Then end it: systemctl disable --now smbd',
    'folder-unsuitable':
      'The path of the box’s state folder is too long for it, or has blanks or other letters than a to z. Everything else goes on.',
    failed: 'The program that serves it ends at once; the log of the box says more. Everything else goes on.',
  },
  retried: 'The box tries again by itself.',
  away: 'Nothing that reached the box is lost. Put the disk back, and the share goes on by itself.',
  password: 'Your password for computers',
  passwordText:
    'Not the password of this page: one that opens your photos and nothing else. The box makes it, and shows it once.',
  make: 'Make my password',
  again: 'Make a new one',
  againHint: 'Either way, the present password opens nothing any more, and computers that use it are disconnected.',
  revoke: 'Take it away',
  made: (at: number, now: number) => `Made ${moment(at, now)}`,
  has: 'It opens your photos',
  hasWaiting: 'It waits',
  none: 'None yet',
  once: 'This is the only time that it is shown. Let the computer remember it, or write it down.',
  newPassword: 'Password',
  login: 'Name',
  server: 'Address',
  filesToo: (name: string) => `What is neither picture nor video is in the folder ${name}.`,
  revoked: 'The password is taken away. Whoever used it is disconnected.',
  saidMade: 'The password is made, and shown once.',
  house: 'For the house',
  turnOn: 'Turn the share on',
  on: 'Computers at home may open photos',
  onHint: (passwords: number) =>
    passwords === 0
      ? 'Nobody has a password for it yet; until then nothing listens.'
      : plural(passwords, {
          one: 'One person has a password for it.',
          other: `${passwords} people have a password for it.`,
        }),
  turnedOn: 'The share is on.',
  turnedOff: 'The share is off. Whoever was connected is not any more.',
  means: [
    'It speaks SMB 3, which Windows, Macs, Linux and phones know. Everything is encrypted on its way.',
    'Everyone makes a password of their own. Nobody sees what others have, not even you.',
    'The box tells the network that it is there: computers find it by themselves.',
  ],
  how: 'How to open it',
  systems: { windows: 'Windows', mac: 'Mac', linux: 'Linux', phone: 'Phone' },
  byAddress: (address: string) => `Where the name is not found, the address does: ${address}`,
  signIn: (login: string) => `Sign in with the name ${login} and your password`,
  remember: 'Tick “remember”, and it is not asked for again.',
  port: (port: number) =>
    `Here the share is at port ${port}, which Windows before 11 24H2 cannot open. A box of its own has the usual port.`,
  steps: {
    windows: (path: string): readonly Step[] => [
      { what: 'Open the Explorer, and click into its address line' },
      { what: 'Type this, and press Enter', copy: path },
    ],
    mac: (url: string): readonly Step[] => [
      {
        what: 'In the Finder press ⌘ K',
        where: 'Or in the menu: Go, Connect to Server. The sidebar shows the box, too.',
      },
      { what: 'Type this, and click Connect', copy: url },
    ],
    linux: (url: string): readonly Step[] => [
      {
        what: 'In the file manager press Ctrl L',
        where: 'In Files (GNOME) under Network or Other Locations the box is listed, too; in Dolphin under Network.',
      },
      { what: 'Type this, and press Enter', copy: url },
    ],
    phone: (url: string): readonly Step[] => [
      {
        what: 'On an iPhone: open Files, tap ••• and Connect to Server',
        where: 'On Android: an app that speaks SMB 3, as most file managers do.',
      },
      { what: 'Type this, and tap Connect', copy: url },
    ],
  },
  card: 'Open on a computer',
  cardText: 'Your photos as a folder, for Windows, Macs and Linux: to look and to copy.',
  toPage: 'Photos as a folder',
} as const;
