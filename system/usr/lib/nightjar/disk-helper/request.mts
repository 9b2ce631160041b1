/** Reads one request. Takes exactly the members of its verb, each within its form and limit; anything else is refused. */
import type { HelperRequest, Refusal } from '../../../../../src/disks/helper-protocol.ts';

/** What the asker is told; `message` is for a person. */
export class Refused extends Error {
  readonly code: Refusal;
  constructor(code: Refusal, message: string) {
    super(message);
    this.code = code;
  }
}

export const requestBytesMax = 4_096;

type Check = (value: unknown) => boolean;
type Shape = { readonly [member: string]: Check | Shape };

const like =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const one =
  (...words: readonly string[]): Check =>
  (value) =>
    words.some((word) => word === value);
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === 'boolean';

// What a disk says of itself is only ever compared, and becomes no argument and no path.
const told = like(/^[^\p{Cc}]{0,64}$/u);
const kernelName = like(/^[a-z][a-z0-9]{1,15}$/);
const uuid = like(/^[0-9A-Fa-f-]{0,36}$/);
const disk: Shape = { name: kernelName, serial: told, sizeBytes: whole, diskseq: whole };
const volume: Shape = { name: kernelName, uuid };
const bridges = ['sntjmicron', 'sntasmedia', 'sntrealtek', 'usbjmicron', 'usbprolific', 'usbsunplus', 'usbcypress'];
const type = one('auto', 'ata', 'sat', 'sat,12', 'sat,16', 'scsi', 'nvme', ...bridges);

const shapes: { readonly [Verb in HelperRequest['verb']]: Shape } = {
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
  let value: unknown;
  try {
    if (Buffer.byteLength(line) <= requestBytesMax) value = JSON.parse(line);
  } catch {
    // Refused below, as everything else that is no request.
  }
  const verb = isRecord(value) ? value['verb'] : undefined;
  if (typeof verb === 'string' && Object.hasOwn(shapes, verb)) {
    const shape = { verb: one(verb), ...shapes[verb as HelperRequest['verb']] };
    if (follows(shape, value)) return value as HelperRequest;
  }
  throw new Refused('invalid-request', 'This is no request that the disk helper knows. Nothing was done.');
}

function follows(shape: Shape, value: unknown): boolean {
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(shape).length) return false;
  return Object.entries(shape).every(([member, wanted]) => {
    if (!Object.hasOwn(value, member)) return false;
    return typeof wanted === 'function' ? wanted(value[member]) : follows(wanted, value[member]);
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
