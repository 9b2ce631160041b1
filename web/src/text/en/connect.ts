import { clock, moment } from '../format.ts';

/** What an app calls itself, as people know it; else its own words. */
const knownApps: ReadonlyArray<readonly [pattern: RegExp, name: string]> = [
  [/^nextcloud-android/i, 'The Nextcloud app for Android'],
  [/^nextcloud-ios/i, 'The Nextcloud app for iPhone'],
  [/^photosync/i, 'PhotoSync'],
  [/^foldersync/i, 'FolderSync'],
  [/^rclone/i, 'rclone'],
];

/** Letting a backup app in, and the apps that are. */
export const connect = {
  chooseTitle: 'Connect a backup app',
  chooseText:
    'A web page cannot see your photos at night. An app that you may have already can, and sends them to the box.',
  chooseList: 'Apps',
  notNextcloud:
    'Nightjar works with the Nextcloud apps. It is no Nextcloud, and their makers have nothing to do with it.',

  whoTitle: 'Whose phone is it for?',
  whoText: 'To connect an app, the box has to know whose phone this is.',
  signIn: 'Sign in',
  haveCode: 'I have a pairing code',
  noPhoneTitle: 'Pair the phone first',
  noPhoneText: 'An app speaks for a phone, and you have none on this box yet.',
  pairPhone: 'Pair a phone',
  forPhone: 'For which phone',

  askingTitle: 'Looking at what asks',
  waitsTitle: 'An app asks to be let in',
  waitsText: 'Sign in, so that the box knows whose photos it is to send. This page comes back by itself.',
  waitsQuicker:
    'Quicker, on a phone that is paired: open Nightjar from its home screen, then This phone, Connect a backup app.',
  askTitle: (person: string) => `Is this you, ${person}?`,
  askText: 'Somebody wants to connect this app. Let it in only if you began that yourself, just now.',
  app: 'App',
  from: 'From',
  /** An IPv4 address that came in by IPv6 (RFC 4291, section 2.5.5.2) is known as the former. */
  address: (address: string) => address.replace(/^::ffff:(?=\d+\.)/, ''),
  begun: 'Begun',
  begunAt: (at: number, now: number) => moment(at, now),
  may: 'It can add photos and see what this phone sent. It cannot change or delete a photo, or see anybody else’s.',
  letIn: (phone: string) => `Let it in for ${phone}`,
  refuse: 'This is not me',
  inTitle: 'Go back to the app',
  inText: 'It is let in, and fetches its password by itself within a few seconds.',
  inSettings: 'The four settings that matter',
  refusedTitle: 'It was not let in',
  refusedText: 'Nothing was connected. If somebody in the house did not try that either, look at who is on your Wi-Fi.',
  overTitle: 'This sign-in is over',
  overText: 'It was answered already, or its 20 minutes have run out. Nothing was changed. Begin again in the app.',
  overToApps: 'Connect a backup app',
  failedTitle: 'That did not work',

  appName: (client: string | null) => {
    if (client === null) return 'An app that does not say its name';
    const name = knownApps.find(([pattern]) => pattern.test(client))?.[1];
    const [, version] = /\/v?(\d[\w.]*)$/.exec(client) ?? [];
    if (name === undefined) return client.replace('/', ' ');
    return version === undefined ? name : `${name}, ${version}`;
  },
  /** Of an app that has not come yet, and so has said nothing of itself. */
  waitingName: (door: 'nextcloud' | 'webdav') =>
    door === 'nextcloud' ? 'A password for the Nextcloud app' : 'A password for WebDAV',
  listTitle: 'Connected apps',
  listNone: 'No backup app is connected.',
  listNoneOther: 'No backup app is connected. Whose phone it is can connect one.',
  listConnect: 'Connect a backup app',
  since: (door: 'nextcloud' | 'webdav', at: number, now: number) =>
    door === 'nextcloud' ? `Since ${moment(at, now)}` : `By WebDAV, since ${moment(at, now)}`,
  lastUsed: (at: number, now: number) => `Last used ${moment(at, now)}`,
  neverUsed: 'Not used yet',
  disconnect: 'Disconnect',
  disconnectLabel: (app: string) => `Disconnect: ${app}`,
  disconnectTitle: (app: string) => `Disconnect: ${app}?`,
  disconnectText:
    'Its password stops working at once, and it sends nothing more until it is connected again. Every photo that it sent stays.',
  disconnectThis: 'Disconnect it',
  keepIt: 'Leave it connected',
  disconnected: (app: string) => `${app} was disconnected.`,

  openApp: 'Connect the Nextcloud app',
  notInstalled: 'Not installed?',
  stores: {
    ios: [{ name: 'App Store', href: 'https://apps.apple.com/app/nextcloud/id1125420102' }],
    android: [
      { name: 'Google Play', href: 'https://play.google.com/store/apps/details?id=com.nextcloud.client' },
      { name: 'F-Droid', href: 'https://f-droid.org/packages/com.nextcloud.client/' },
    ],
  },
  openedTitle: 'Did the app not open, or not sign in?',
  openAgain: 'Open it once more',
  olderApp: 'An older app: connect it with a password',
  olderText: 'It may not know the link that works once. This one holds the password itself.',
  openOlder: 'Open the app with the password',
  byHand: 'Or by hand: in the app choose to log in, and type this address. The box then asks you on a page like this.',
  boxAddress: 'Address of the box',
  qrTitle: 'Scan it with the phone',
  qrText: 'In the app choose to log in, then the picture of a code, and point the camera here.',
  qrAlt: 'A code for the app to scan',
  qrShow: 'Show the code to scan',
  qrUntil: (at: number) => `It works once, until ${clock(at)}.`,
  qrNew: 'New code',

  makePassword: (app: string) => `Make a password for ${app}`,
  passwordText: 'Shown this once. It works for this app alone, and dies if it is not used within seven days.',
  url: 'WebDAV address',
  host: 'Server',
  port: 'Port',
  folder: 'Folder on the server',
  user: 'User name',
  password: 'Password',
  passwordQr: 'To get the password onto a phone, scan it with its camera.',
  passwordQrAlt: 'The password as a code to scan',

  waitingPhoto: 'Waiting for the first photo',
  waitingNext: 'Waiting for the next photo',
  waitingText: 'This page notices by itself. You can also close it.',
  firstSafe: 'The first photo is safe',
  nextSafe: 'A new photo is safe',
  safeText: 'It is on the box’s disk, and checked. The others follow.',
  photoAlt: (name: string) => name,

  settingsTitle: 'Four settings that matter',
  settingsText: 'They are in the app, and it may word them a little otherwise.',
  on: 'On',
  off: 'Off',
  wontTitle: 'What it will not do',
  trustTitle: 'Trust the box first',
  trustText: 'An app talks to the box only where the phone trusts its certificate.',
  trustHere: 'This phone trusts it already: else this page would not stand here. An app may still ask once.',
  trustHow: 'How to trust the box',
  trustFile: 'Get the certificate again',
  connectTitle: 'Connect it',
  otherApps: 'Other apps',
} as const;
