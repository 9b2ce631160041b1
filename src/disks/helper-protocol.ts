/**
 * What the daemon and the privileged helper say to each other: one JSON line each way, then the connection ends.
 * The helper takes types from here and nothing else: it checks every request itself (`system/.../disk-helper/request.mts`).
 */
import { type Static, Type } from '../platform/schema.ts';

const Text = Type.String({ maxLength: 400 });
const Size = Type.Integer({ minimum: 0 });

/** This very disk, as it was listed: when another one took its place meanwhile, one of these differs. */
export const DiskKey = Type.Object({
  /** The kernel's name, `sdb`. */
  name: Text,
  /** '' where the disk tells none. */
  serial: Text,
  sizeBytes: Size,
  /** The kernel counts every disk that ever appeared (`/sys/block/*`/diskseq); 0 on kernels before 5.15. */
  diskseq: Size,
});
export type DiskKey = Static<typeof DiskKey>;

/** A filesystem's place: a partition, or a whole disk without partitions. */
export const HelperVolume = Type.Object({
  /** `sdb1`; `sdb` when the whole disk is one. */
  name: Text,
  sizeBytes: Size,
  /** blkid's word: `ext4`, `exfat`, `crypto_LUKS`...; '' when nothing is known on it. */
  type: Text,
  /** '' where the filesystem has none. */
  uuid: Text,
  label: Text,
  /** Its folder under `/run/nightjar/disks` while the helper has it mounted. */
  folder: Type.Union([Text, Type.Null()]),
});
export type HelperVolume = Static<typeof HelperVolume>;

export const HelperDisk = Type.Object({
  ...{ key: DiskKey, model: Text },
  /** What the person types to have it erased. */
  printedName: Text,
  bus: Type.Union([
    Type.Literal('usb'),
    Type.Literal('sata'),
    Type.Literal('nvme'),
    Type.Literal('mmc'),
    Type.Literal('other'),
  ]),
  spinning: Type.Boolean(),
  writeProtected: Type.Boolean(),
  /**
   * `free`: nobody uses it. `ours`: mounted by the helper and in no other use. `system`: the box itself stands on it.
   * `in-use`: somebody else uses it. `busy`: the helper is working on it. The last three are not looked into: no volumes.
   */
  status: Type.Union([
    Type.Literal('free'),
    Type.Literal('ours'),
    Type.Literal('system'),
    Type.Literal('in-use'),
    Type.Literal('busy'),
  ]),
  volumes: Type.Array(HelperVolume),
});
export type HelperDisk = Static<typeof HelperDisk>;

/** Which filesystem, as it was listed: the helper looks again whether it is still there. */
export type VolumeKey = { name: string; uuid: string };
/** A closed list in the helper, and in `smart-types.ts` by the order of trying. */
export type SmartctlType = string;

export type HelperRequest =
  | { verb: 'list' }
  /** `use`: ext4, btrfs or exFAT, for writing. `look`: read-only, journal not replayed, links not followed. */
  | { verb: 'mount'; disk: DiskKey; volume: VolumeKey; mode: 'use' | 'look' }
  /** By folder, so that a disk that was pulled can be let go too. */
  | { verb: 'unmount'; folder: string }
  /** Erases all of it. `confirm` is the disk's `printedName`, typed by a person. `label`: `nightjar-` and 1 to 7 of a-z0-9. */
  | { verb: 'format'; disk: DiskKey; filesystem: 'ext4' | 'exfat'; label: string; confirm: string }
  /** Of an unmounted filesystem. Without `repair` nothing is written. */
  | { verb: 'check'; disk: DiskKey; volume: VolumeKey; repair: boolean }
  /** Without `wake` a sleeping disk is let sleep. */
  | { verb: 'smart'; disk: DiskKey; type: SmartctlType; wake: boolean }
  | { verb: 'self-test'; disk: DiskKey; type: SmartctlType; test: 'short' | 'long' | 'abort' }
  /** Unmounts what the helper mounted of it, then lets it go. */
  | { verb: 'power-off'; disk: DiskKey };
export type HelperVerb = HelperRequest['verb'];

const Smartctl = Type.Object({
  /** smartctl's exit status: a bit field. */
  exitStatus: Type.Integer(),
  /** What `smartctl --json` printed, parsed; its texts are cleaned. */
  report: Type.Unsafe<unknown>({}),
});

/** What is answered to each verb, beside `ok: true`. */
export const answers = {
  list: Type.Object({ disks: Type.Array(HelperDisk) }),
  mount: Type.Object({ folder: Text, path: Text, type: Text }),
  /** `lazily`: the disk was gone and somebody still held a file of it. */
  unmount: Type.Object({ lazily: Type.Boolean() }),
  format: Type.Object({ volume: HelperVolume }),
  check: Type.Object({
    outcome: Type.Union([Type.Literal('clean'), Type.Literal('repaired'), Type.Literal('damaged')]),
    /** The last words of the program that checked. */
    said: Type.String({ maxLength: 4_000 }),
  }),
  smart: Smartctl,
  'self-test': Smartctl,
  /** `off`: the kernel let it go. `unmounted`: it may be pulled, and is still there (cards, NVMe). */
  'power-off': Type.Object({ state: Type.Union([Type.Literal('off'), Type.Literal('unmounted')]) }),
} as const;
export type HelperAnswer<Verb extends HelperVerb> = Static<(typeof answers)[Verb]>;

export type Refusal =
  | 'not-allowed'
  | 'invalid-request'
  | 'no-such-disk'
  | 'changed'
  | 'system-disk'
  | 'in-use'
  | 'unsuitable'
  | 'wrong-confirmation'
  | 'busy'
  | 'program-missing'
  | 'failed'
  | 'timeout';
