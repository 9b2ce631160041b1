/** Reads one request. Takes exactly the members of its verb, each within its form and limit; anything else is refused. */
import type { Refusal as Code, HelperRequest } from '../../../../../src/disks/helper-protocol.ts';
import { Refusal } from '../helper-socket/refusal.mts';
import { flag, like, one, readRequest, type Shape, type Shapes, whole } from '../helper-socket/shapes.mts';

/** What the asker is told; `message` is for a person. */
export class Refused extends Refusal {
  declare readonly code: Code;
  // biome-ignore lint/complexity/noUselessConstructor: it takes no word that the protocol does not have.
  constructor(code: Code, message: string) {
    super(code, message);
  }
}

export const requestBytesMax = 4_096;

// What a disk says of itself is only ever compared, and becomes no argument and no path.
const told = like(/^[^\p{Cc}]{0,64}$/u);
const kernelName = like(/^[a-z][a-z0-9]{1,15}$/);
const uuid = like(/^[0-9A-Fa-f-]{0,36}$/);
const disk: Shape = { name: kernelName, serial: told, sizeBytes: whole(), diskseq: whole() };
const volume: Shape = { name: kernelName, uuid };
const bridges = ['sntjmicron', 'sntasmedia', 'sntrealtek', 'usbjmicron', 'usbprolific', 'usbsunplus', 'usbcypress'];
const type = one('auto', 'ata', 'sat', 'sat,12', 'sat,16', 'scsi', 'nvme', ...bridges);

const shapes: Shapes<HelperRequest['verb']> = {
  list: {},
  mount: { disk, volume, mode: one('use', 'look') },
  unmount: { folder: like(/^[0-9A-Za-z][0-9A-Za-z-]{1,35}$/) },
  format: { disk, filesystem: one('ext4', 'exfat'), label: like(/^nightjar-[a-z0-9]{1,7}$/), confirm: told },
  check: { disk, volume, repair: flag },
  smart: { disk, type, wake: flag },
  'self-test': { disk, type, test: one('short', 'long', 'abort') },
  'power-off': { disk },
};

/** @throws {Refused} `invalid-request`, which never repeats what was sent. */
export function parseRequest(line: string): HelperRequest {
  const request = readRequest(line, shapes, requestBytesMax);
  if (request !== undefined) return request as HelperRequest;
  throw new Refused('invalid-request', 'This is no request that the disk helper knows. Nothing was done.');
}
