import type { Contract } from '../http/contract.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';
import { advices, verdicts } from './disk-rules.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });
const words = <const Word extends string>(all: readonly Word[], description?: string) =>
  Type.Unsafe<Word>({
    anyOf: all.map((one) => ({ type: 'string', const: one })),
    ...(description !== undefined && { description }),
  });
const ById = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$' }) });

const diskStates = ['free', 'looked-at', 'used', 'ejected', 'busy', 'in-use', 'system'] as const;
export const diskVerbs = ['look', 'use', 'erase', 'eject', 'check'] as const;
/** `unknown`: nobody looked, or it cannot be read. */
const holdings = [
  'library',
  'mirror',
  'own-other',
  'other-box',
  'empty',
  'files',
  'odd',
  'no-filesystem',
  'unknown',
] as const;
/** What erasing costs: pages have the words. */
const erasures = ['everything-on-it', 'files', 'other-box', 'own-mirror', 'own-other'] as const;
/** Why it cannot be erased; `in-use`: eject it first; `library`: make a mirror the library first. */
const refusals = ['system', 'in-use', 'busy', 'write-protected', 'too-small', 'library'] as const;
/** What a filesystem means for who uses it. */
const consequences = ['linux-only', 'survives-plugs', 'any-computer', 'no-journal', 'no-check-repair'] as const;

const VolumeView = Type.Object({
  name: Type.String({ description: 'the kernel’s' }),
  filesystem: Type.String({ description: '`ext4`, `exfat`...; empty: none is known on it' }),
  label: Type.String(),
  sizeBytes: Bytes,
  holds: words(
    holdings,
    'by its marker: this box’s library, a mirror of it, anything else of this box, another box’s; or nothing, files, or `odd`: something that is no marker in a marker’s place',
  ),
  role: Nullable(words(['library', 'mirror'])),
  source: Nullable(Type.String({ description: 'mounted read-only: as `POST /api/imports` names it' })),
  markerId: Nullable(Type.String({ description: 'of this box’s own: as `GET /api/mirrors` names it' })),
});

const DiskView = Type.Object({
  id: Type.String({ description: 'lasting, where the disk tells a serial number' }),
  name: Type.String({ description: 'what is typed to have it erased' }),
  model: Type.String(),
  serial: Type.String(),
  bus: words(['usb', 'sata', 'nvme', 'mmc', 'other']),
  sizeBytes: Bytes,
  spinning: Type.Boolean(),
  writeProtected: Type.Boolean(),
  state: words(
    diskStates,
    '`ejected`: it may be pulled; `in-use`: by something else of this machine; `system`: the box stands on it. The last three are left alone',
  ),
  volumes: Type.Array(VolumeView),
  erasing: Type.Object({
    refused: Nullable(words(refusals)),
    consequences: Type.Array(words(erasures)),
  }),
  doing: Nullable(Type.Object({ verb: words(diskVerbs), since: Milliseconds })),
  failed: Nullable(
    Type.Object(
      { verb: words([...diskVerbs, 'attach'] as const), code: Type.String(), message: Type.String(), at: Milliseconds },
      { description: 'the last thing asked of it; `attach`: it is this box’s own, and could not be used by itself' },
    ),
  ),
  checked: Nullable(
    Type.Object({
      outcome: words(['clean', 'repaired', 'damaged']),
      said: Type.String({ description: 'the last words of the program that checked' }),
      at: Milliseconds,
    }),
  ),
  health: Type.Object({ verdict: words(verdicts), advice: words(advices) }),
  attached: Type.Integer({
    minimum: 0,
    description: 'the kernel’s count when it appeared: another one is another disk, though it may have the same `id`',
  }),
});
export type DiskView = Static<typeof DiskView>;
export type VolumeView = Static<typeof VolumeView>;

const Asked = Type.Object({
  disk: Nullable(
    Type.Object(DiskView.properties, {
      description:
        'as it is now; what takes longer than some seconds goes on (`doing`). Null: it is not attached any more',
    }),
  ),
});
export type Asked = Static<typeof Asked>;
const volume = Type.Optional(Type.String({ maxLength: 20, description: 'default: the only one, or the largest' }));

export const DisksEvent = Type.Object(
  { type: Type.Literal('disks') },
  { description: 'for owners: something about the attached disks is otherwise; ask anew' },
);
export type DisksEvent = Static<typeof DisksEvent>;

export const disksContract = {
  listDisks: {
    method: 'GET',
    path: '/api/disks',
    access: 'owner',
    summary: 'The attached disks: what each is, what is on it, whose it is, and what it is used for',
    status: 200,
    reply: Type.Object({
      helper: words(
        ['ok', 'missing', 'failing', 'unknown'],
        '`missing`: this box has no disk helper, and only the configured folders are known',
      ),
      folders: Type.Array(Type.Object({ role: words(['library', 'mirror']), folder: Type.String() }), {
        description: 'that stand as disks, as configured',
      }),
      disks: Type.Array(DiskView),
      filesystems: Type.Array(
        Type.Object({
          type: words(['ext4', 'btrfs', 'exfat']),
          made: Type.Boolean({ description: 'erasing can make it' }),
          consequences: Type.Array(words(consequences)),
        }),
        { description: 'that can be used; the usual first' },
      ),
    }),
  },
  listDiskFolders: {
    method: 'GET',
    path: '/api/disks/:id/folders',
    access: 'owner',
    summary: 'The folders at the top of a mounted disk, by name',
    params: ById,
    query: Type.Object({ volume }),
    status: 200,
    reply: Type.Object({ names: Type.Array(Type.String()), more: Type.Boolean() }),
  },
  lookAtDisk: {
    method: 'POST',
    path: '/api/disks/:id/look',
    access: 'owner',
    summary: 'Mounts it read-only: nothing on it is changed, and no link on it followed',
    params: ById,
    body: Type.Object({ volume }),
    status: 200,
    reply: Asked,
  },
  useDisk: {
    method: 'POST',
    path: '/api/disks/:id/use',
    access: 'owner',
    summary: 'Makes an empty disk the library of a box without one, or a mirror; takes one of the box’s own up again',
    params: ById,
    body: Type.Object({ role: words(['library', 'mirror']), volume }),
    status: 200,
    reply: Asked,
  },
  eraseDisk: {
    method: 'POST',
    path: '/api/disks/:id/erase',
    access: 'owner',
    summary: 'Erases all of it and makes one new filesystem; never of a disk that is in use',
    params: ById,
    body: Type.Object({
      name: Type.String({ maxLength: 64, description: 'of the disk, typed by a person' }),
      filesystem: words(['ext4', 'exfat']),
      attached: Type.Optional(
        Type.Integer({ minimum: 0, description: 'of the disk that the person was shown: no other one is erased' }),
      ),
    }),
    status: 200,
    reply: Asked,
  },
  ejectDisk: {
    method: 'POST',
    path: '/api/disks/:id/eject',
    access: 'owner',
    summary: 'Lets go of it: what uses it stops, all of it is written out, and it may be pulled',
    params: ById,
    status: 200,
    reply: Asked,
  },
  checkDisk: {
    method: 'POST',
    path: '/api/disks/:id/check',
    access: 'owner',
    summary: 'Checks its filesystem; what uses it waits meanwhile. Only with `repair` anything is written',
    params: ById,
    body: Type.Object({ repair: Type.Optional(Type.Boolean()), volume }),
    status: 200,
    reply: Asked,
  },
} as const satisfies Contract;
