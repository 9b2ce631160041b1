import { bytes, plural } from '../format.ts';

/** What can be done with a disk, and what follows from it. */
export const diskUse = {
  title: (name: string) => `What is ${name} for?`,
  asIs: 'Nothing is written to it until you choose.',
  choices: {
    library: 'Put the photos on it',
    libraryAgain: 'Use it as the library again',
    mirror: 'Use it as a mirror',
    mirrorAgain: 'Use it as the mirror again',
    eraseLibrary: 'Erase it, and put the photos on it',
    eraseMirror: 'Erase it, and use it as a mirror',
    look: 'Look only',
  },
  consequences: {
    library: 'Photos and the box’s catalogue live on it, in folders that you can read without the box.',
    libraryAgain: 'The box goes on with what is on it.',
    mirror: 'Everything is copied to it, now and each night, in the same folders. It is empty now.',
    mirrorAgain: 'The box brings it up to date by itself.',
    eraseLibrary: 'All that is on it goes for good. Then photos and the box’s catalogue live on it.',
    eraseMirror: 'All that is on it goes for good. Then everything is copied to it, now and each night.',
    look: 'It can be read, and photos brought in from it. Nothing on it is changed.',
  },
  recommended: 'Recommended',
  filesystem: 'Which filesystem?',
  filesystems: {
    ext4: { name: 'ext4', text: 'Sturdy when the power fails. Any Linux computer reads it without the box.' },
    btrfs: {
      name: 'btrfs',
      text: 'Sturdy when the power fails. Any Linux computer reads it; the box can check it and not repair it.',
    },
    exfat: {
      name: 'exFAT',
      text: 'Windows, Mac and Linux read it. Less sturdy when the power fails.',
    },
  } as Readonly<Record<string, Readonly<{ name: string; text: string }>>>,
  keeps: (filesystem: string, text: string) => `It stays ${filesystem}. ${text}`,
  buttons: {
    library: (name: string) => `Use ${name}`,
    mirror: (name: string) => `Use ${name}`,
    erase: (name: string) => `Erase and use ${name}`,
    look: (name: string) => `Look at ${name}`,
  },
  noErase: {
    system: 'The box itself stands on this disk, so it cannot be erased.',
    'in-use': 'Something else uses this disk. Once that is over, it can be erased.',
    busy: 'The box is working on this disk.',
    'write-protected': 'This disk is write-protected by a switch of its own. It can only be looked at.',
    'too-small': 'This disk is too small to hold a library. It can only be looked at.',
    library: 'This disk holds the library. To use another one, replace it.',
  },
  nothing: 'There is nothing that this disk could be used for just now.',
  eraseTitle: (name: string) => `Erase ${name}?`,
  erased: {
    'everything-on-it': (size: number) => `All of its ${bytes(size)} are erased for good.`,
    files: 'There are files of somebody on it: they go.',
    'other-box': 'It is the library of another box: that box loses it.',
    'own-mirror': 'It is a mirror of this box: until another one is whole, everything is on one disk.',
    'own-other': 'It holds something else of this box: that goes.',
  },
  eraseWorking: 'It takes up to some minutes: stay on this page until the disk is ready.',
  readyMirror: (name: string) => `${name} is a mirror now. Everything is copied to it by itself.`,
  readyLibrary: (name: string) => `${name} holds the photos from now on.`,
  readyLook: (name: string) => `${name} can be read now. Nothing on it is changed.`,
  folders: (n: number, more: boolean) =>
    more
      ? `More than ${n} folders are on it`
      : plural(n, { one: '1 folder is on it', other: `${n} folders are on it` }),
  foldersNone: 'No folder is on it.',
  bringIn: 'Bring photos in from it',

  adoptText:
    'A new box can take it over with its people and phones: during the first run of that box, by its owner’s password. This box has an owner already, so it can look at it and bring photos in.',

  eject: 'Eject safely',
  ejectTitle: (name: string) => `Eject ${name}?`,
  ejectText: {
    library: 'Until it is back, no photo comes in and none can be looked at. Phones wait; nothing is lost.',
    mirror: 'Until it is back, new photos are on one disk only. It catches up by itself.',
    look: 'Nobody looks at it any more. An import from it stops, and goes on when it is back.',
  },
  ejectDo: (name: string) => `Eject ${name}`,
  ejected: (name: string) => `${name} may be pulled now.`,
  contents: 'Its filesystem',
  check: 'Check it',
  checkText:
    'The box looks whether folders and files on it are in order. What uses the disk waits meanwhile; nothing is written.',
  checkTitle: (name: string) => `Check ${name}?`,
  checkDo: (name: string) => `Check ${name}`,
  checked: {
    clean: 'It is whole.',
    repaired: 'It was damaged, and is repaired.',
    damaged: 'It is damaged.',
  },
  checkedAt: (at: string) => `Checked ${at}.`,
  repair: 'Repair it',
  repairTitle: (name: string) => `Repair ${name}?`,
  repairText:
    'The box puts its folders and files in order. What cannot be saved is moved aside on the disk; photos that are hit by it are healed from a mirror, or asked for again.',
  repairDo: (name: string) => `Repair ${name}`,
} as const;
