import type { Caller, ConsoleCaller, PersonCaller } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import type { AttachedDisks } from './attached-disks.ts';
import { disksContract } from './disks-contract.ts';

export type DisksRoutesDeps = Readonly<{
  disks: AttachedDisks;
  folders: readonly Readonly<{ role: 'library' | 'mirror'; folder: string }>[];
  /** @throws {CodedError} `confirm-first` when the person did not prove lately to be there. */
  requireConfirmed: (caller: PersonCaller) => void;
  /** Into the audit log; durable when it returns. */
  record: (event: string, caller: PersonCaller | ConsoleCaller, detail: Record<string, string>) => Promise<void>;
}>;

export function disksRoutes({ disks, folders, requireConfirmed, record }: DisksRoutesDeps): Routes {
  const confirmed = (caller: Caller) => {
    if (caller.kind === 'person') requireConfirmed(caller);
  };
  return implement(disksContract, {
    listDisks: async () => ({
      helper: disks.helper,
      folders: folders.map((one) => ({ ...one })),
      disks: disks.list(),
      filesystems: [
        { type: 'ext4', made: true, consequences: ['survives-plugs', 'linux-only'] },
        { type: 'btrfs', made: false, consequences: ['survives-plugs', 'linux-only', 'no-check-repair'] },
        { type: 'exfat', made: true, consequences: ['any-computer', 'no-journal'] },
      ],
    }),
    listDiskFolders: async ({ params, query }) => await disks.folders(params.id, query.volume),
    async lookAtDisk({ params, body, caller }) {
      const asked = await disks.look(params.id, body.volume);
      await record('disk-looked-at', caller, { disk: params.id });
      return asked;
    },
    async useDisk({ params, body, caller }) {
      confirmed(caller);
      const asked = await disks.use(params.id, body.role, body.volume);
      await record('disk-used', caller, { disk: params.id, role: body.role });
      return asked;
    },
    async eraseDisk({ params, body, caller }) {
      confirmed(caller);
      // Before: what is begun goes on, whatever happens to this request.
      const begin = () => record('disk-erased', caller, { disk: params.id, filesystem: body.filesystem });
      return await disks.erase(params.id, body, begin);
    },
    async ejectDisk({ params, caller }) {
      confirmed(caller);
      const asked = await disks.eject(params.id);
      await record('disk-ejected', caller, { disk: params.id });
      return asked;
    },
    async checkDisk({ params, body, caller }) {
      confirmed(caller);
      const asked = await disks.check(params.id, { repair: body.repair === true, volume: body.volume });
      await record('disk-checked', caller, { disk: params.id });
      return asked;
    },
  });
}
