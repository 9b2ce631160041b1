import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, plural } from '../format.ts';

type Export = NonNullable<ReplyOf<'GET /api/export'>['export']>;
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** The way out. */
export const exporting = {
  title: 'Take everything out',
  lead: 'A plain copy of the library, in folders by person, year and month, with checksum lists: any computer can read it, without this box. The library itself stays as it is.',
  begin: 'Begin it at the box',
  beginText:
    'The copy may go to any folder or disk of the machine, so it is begun by somebody at its console. Say what is to go where:',
  who: 'Whose photos',
  everybody: 'Everybody’s',
  folder: 'Folder at the box',
  folderHint: 'It is there already; on a disk, where that disk is mounted.',
  folderForm: 'The whole path, from “/” on.',
  command: 'Command',
  ownerOnly: 'Taking everything out is for the owner of the box.',
  ownPhotos: 'Your own photos: choose them under Photos, and download them.',
  toPhotos: 'To the photos',
  steps: [
    {
      what: 'Give that command at the box’s console',
      where: 'On its screen, or from a computer that may sign in to it.',
    },
    { what: 'How far it is stands here', where: 'Each file is read back after it was copied.' },
    { what: 'Ended early? Give the same command again', where: 'What is there already is read, and not copied twice.' },
  ],
  last: 'The last export',
  none: 'There was none since the box started.',
  states: {
    running: 'Under way',
    done: 'Done',
    stopped: 'Stopped',
    failed: 'Ended early',
  } satisfies Record<Export['state'], string>,
  to: (person: string | null) => (person === null ? 'Everybody’s photos' : `The photos of ${person}`),
  progress: ({ copied, had, ofFiles }: Export) => `${count(copied + had)} of ${files(ofFiles)}`,
  copied: ({ copied, had, bytes: size }: Export) =>
    `${files(copied)} copied and read back, ${count(had)} were there already and are right (${bytes(size)}).`,
  problems: (n: number) => plural(n, { one: '1 file is not there', other: `${count(n)} files are not there` }),
  reason: {
    damaged: 'The library’s own file is damaged',
    'in-the-way': 'Another file has this name there, and was left alone',
  } satisfies Record<Export['problems'][number]['reason'], string>,
  more: (n: number) => plural(n, { one: 'And 1 more.', other: `And ${count(n)} more.` }),
  stop: 'Stop it',
  stopped: 'The export was stopped. What was copied stays.',
} as const;
