import { moment, plural } from '../format.ts';

/** What only a box on a device of its own can do: the card in the settings, and what its pages share. */
export const device = {
  card: 'The device',
  ways: {
    network: { title: 'Network', text: 'Cable, Wi-Fi, addresses' },
    updates: { title: 'Updates', text: 'The version, and a new one' },
    machine: { title: 'Restart, shut down, reset', text: 'The gentle way, without the plug' },
    remoteShell: { title: 'Remote shell', text: 'ssh, for those who know it' },
  },
  notHere: 'Not on this machine',
  notHereCard:
    'Nightjar runs here on a computer that also does other things: its network, restarts, updates and ssh are looked after there.',
  notHereNetwork:
    'Nightjar runs here on a computer that also does other things: which networks it is in is set in that computer’s own system.',
  notHereMachine:
    'Nightjar runs here on a computer that also does other things: it is restarted, turned off and reset in that computer’s own system.',
  notHereShell:
    'Nightjar runs here on a computer that also does other things: who comes in by ssh is set in that computer’s own system.',
  toSettings: 'To the settings',
} as const;

/** While the box is away on purpose. */
export const comingBack = {
  restart: {
    going: 'The box restarts.',
    away: 'The box restarts.',
    back: 'The box is back.',
    text: 'It takes about a minute. Phones that were sending go on by themselves. You may leave this page open: it says when the box is back.',
  },
  update: {
    going: 'The box restarts into the new version.',
    away: 'The box restarts into the new version.',
    back: 'The box is back.',
    text: 'It takes about two minutes, and twice that where the new version does not answer: then the box goes back to the old one by itself. This page says when it is back.',
  },
  off: {
    going: 'The box lets its disks go.',
    away: 'The box does not answer any more.',
    back: 'The box is on.',
    text: 'Disks finish writing and stop turning first, which may take a minute. Leave the plug in until then.',
    textAway: 'When its light has stopped blinking, it may be unplugged. Putting the plug back in starts it.',
  },
  reset: {
    going: 'The box is being made new.',
    away: 'The box begins anew.',
    back: 'The box is there, and new.',
    text: 'It forgets people, phones and settings, and restarts. Photos stay on their disks.',
    textAway:
      'It is called nightjar.local again, with a new certificate, and waits to be set up. Its code stands on its own screen, or in nightjar.txt where somebody wrote one.',
  },
  backText: {
    restart: 'It answers again.',
    update: 'It answers again. What became of the update is said on the next page.',
    off: 'Somebody started it again.',
    reset: 'It waits to be set up.',
  },
  late: 'It takes longer than usual. Is its light on? Pulling the plug for ten seconds starts it again; nothing that reached the box is lost by that.',
  stayed: 'The box answers all the time, so it has not gone. Look at the page again, and try once more.',
  goOn: 'Go on',
  look: 'Look again',
  setUp: 'Set it up again',
} as const;

export const machine = {
  title: 'Restart, shut down, reset',
  lead: 'The box may be turned off at any time. This is the gentle way.',
  restart: 'Restart',
  restartText: 'For about a minute nothing answers. Phones go on afterwards where they were.',
  restartDo: 'Restart the box',
  off: 'Shut down',
  offText:
    'Every disk finishes writing, is let go of and stops turning. When the light has stopped blinking, the box and its disks may be unplugged. Putting the plug back in starts it.',
  offDo: 'Shut the box down',
  offSure: 'Shut the box down?',
  offSureText:
    'Nobody’s photos come in until somebody at the box puts the plug out and in again. It cannot be started from here.',
  reset: 'Make it new',
  resetText:
    'The box forgets everybody: people, passwords, paired phones, settings, Wi-Fi, certificates. Disks are not touched: all photos stay on them.',
  resetThen:
    'Afterwards it is set up as on the first day. There “Adopt” takes the photos’ disk in again, with everybody’s photos; it asks for your password of today, or the recovery key.',
  resetDo: 'Make the box new…',
  resetSure: (name: string) => `Make ${name} new?`,
  resetSureText:
    'People, phones, settings and Wi-Fi go for good. Photos stay on their disks. Have your password or the recovery key at hand: without one of them nobody’s photos are theirs again.',
  resetAction: (name: string) => `Make ${name} new`,
  lock: 'A lost second lock',
  lockText:
    'It needs no reset of the box. Yours is at Security, and so is a member’s, under People. Where nobody can sign in, it goes at the box’s own screen, or by a line “reset-second-factor: their name” in nightjar.txt.',
  toSecurity: 'To Security',
} as const;

export const remoteShell = {
  title: 'Remote shell',
  leadOff: 'Nobody can come in by ssh.',
  leadOn: (keys: number) =>
    plural(keys, {
      one: 'Whoever has the key below can come in.',
      other: 'Whoever has one of the keys below can come in.',
    }),
  means:
    'Who comes in by ssh may do everything: read all photos of everybody, change the box, break it. Nightjar needs it for nothing. Leave it off if you do not know what you would do there.',
  limits: [
    'Only from your home network, and only with a key: no password opens it.',
    'The system is read-only, which keeps mistakes off it. Whoever means to change it can, and it lasts.',
    'Every change here is in the log of the box.',
  ],
  on: 'Let the owners of these keys in',
  onHint: 'It takes a few seconds. Off ends the sessions that are open, and so does taking a key away.',
  needsKey: 'Add a key first.',
  keys: 'Keys',
  keysNone: 'No key yet.',
  add: 'Public key',
  addHint:
    'A line each, as it stands in a file like id_ed25519.pub. It is not secret; the other file, without .pub, is.',
  addWrong: 'That is no public key of ssh: one line that begins with ssh-ed25519, ecdsa or ssh-rsa.',
  addPrivate: 'That is the secret half of a key. Take the file that ends in .pub. Nothing was sent.',
  addDo: 'Add it',
  full: 'The box keeps eight keys. Take one away first.',
  remove: 'Take away',
  removeThis: (name: string) => `Take away the key ${name}`,
  noName: 'A key without a name',
  command: 'To come in',
  turnedOn: 'The remote shell is on.',
  turnedOff: 'The remote shell is off.',
  added: 'The key is added.',
  removed: 'The key is taken away.',
} as const;

export const network = {
  title: 'Network',
  leadTrying: (ssid: string) => `The box tries “${ssid}”.`,
  leadBoth: (ssid: string) => `The box is in your home by cable and by the Wi-Fi “${ssid}”.`,
  leadCable: 'The box is in your home by cable.',
  leadWifi: (ssid: string) => `The box is in your home by the Wi-Fi “${ssid}”.`,
  leadNone: 'The box is in no network.',
  tryingText:
    'It takes up to a minute. If this page reached the box by the Wi-Fi that it leaves, the page is silent meanwhile, and goes on by itself.',
  tryingOther: (ssid: string) =>
    `If the box does not come back here, join “${ssid}” with this device: it is there then.`,
  links: 'Cable and Wi-Fi',
  cable: 'Cable',
  wifi: 'Wi-Fi',
  cableUp: 'Plugged in',
  cableDown: 'Not plugged in',
  wifiUp: 'Joined',
  wifiDown: 'Not joined',
  noAddress: 'No address yet',
  mac: (address: string) => `Hardware address ${address}`,
  noLinks: 'The box sees no network hardware.',
  noWifi: 'This box has no Wi-Fi.',
  seen: 'Wi-Fi networks',
  seenText: (country: string | null) =>
    country === null
      ? 'The box has not been told its country yet, so it keeps to the channels that are allowed everywhere.'
      : `Country: ${country}.`,
  seenNone: 'No Wi-Fi network seen',
  seenNoneText: 'Look again in a moment. A metal case, or 5 metres of wall, may be enough to hide one.',
  look: 'Look again',
  looked: (n: number) => plural(n, { one: 'One network is seen.', other: `${n} networks are seen.` }),
  strength: { strong: 'Strong', fair: 'Fair', weak: 'Weak' },
  security: {
    open: 'open to everybody',
    password: 'with a password',
    unsupported: 'with names or certificates: the box cannot join it',
  },
  about: (strength: string, security: string) => `${strength}, ${security}`,
  known: 'known',
  here: 'Joined',
  join: 'Join',
  joinThis: (ssid: string) => `Join ${ssid}`,
  joinTitle: (ssid: string) => `Join “${ssid}”?`,
  other: 'Another network…',
  otherTitle: 'Join a network that is not listed',
  ssid: 'Name of the network',
  ssidLong: 'The name of a Wi-Fi network has 32 bytes at most; letters with accents count twice.',
  password: 'Its password',
  passwordHint: '8 to 63 letters, digits and signs.',
  passwordHintOther: '8 to 63 letters, digits and signs. Leave it empty where the network is open.',
  passwordLetters: 'Passwords of Wi-Fi have only letters without accents, digits and signs.',
  country: 'Country',
  countryChoose: 'Choose…',
  countryHint: 'It decides which channels are allowed where the box stands.',
  falls: (former: string) => `If that fails, the box goes back to “${former}” by itself, within a minute or so.`,
  fallsCable: 'If that fails, nothing changes: the box stays in your home by cable.',
  fallsNone: 'If that fails, nothing changes.',
  openText:
    'Everybody near can read what is sent in an open network. What phones send to the box is encrypted all the same.',
  joinDo: (ssid: string) => (ssid === '' ? 'Join it' : `Join ${ssid}`),
  joinSaid: (ssid: string) => `The box tries ${ssid}.`,
  outcome: {
    joined: (ssid: string, at: number, now: number) => `The box joined “${ssid}” ${moment(at, now)}.`,
    'fell-back': (ssid: string) => `“${ssid}” could not be joined. The box is back in the network where it was.`,
    'not-joined': (ssid: string) => `“${ssid}” could not be joined.`,
  },
  why: {
    'not-found': 'No network of this name is near. Is the name right, with its small and capital letters?',
    'wrong-password': 'The password was not right. Try it once more.',
    'no-address':
      'The password was right, and nobody there gave the box an address. A restart of the router helps, mostly.',
    'no-answer': 'It is there, and does not let the box in. Does the router allow new devices?',
    failed: 'The box itself could not try it. Restart the box, and try again.',
  },
  forget: 'Forget the Wi-Fi…',
  forgetTitle: 'Forget the Wi-Fi?',
  forgetText: (names: readonly string[]) =>
    `The box leaves the Wi-Fi, and forgets the name and the password of ${new Intl.ListFormat('en').format(
      names.map((name) => `“${name}”`),
    )}.`,
  forgetCable: 'It stays in your home by cable.',
  forgetAlone:
    'No cable is plugged in: nobody reaches the box any more until one is, or until nightjar.txt on its card names a network.',
  forgetDo: 'Forget the Wi-Fi',
  forgot: 'The Wi-Fi is forgotten.',
} as const;
