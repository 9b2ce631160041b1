/** What RAUC says when it refuses or fails, as one of the box's own reasons. Tried with RAUC 1.8 and 1.13. */
import type { UpdateReason } from '../../../../../src/updates/update-reasons.ts';

const signs: readonly (readonly [RegExp, UpdateReason])[] = [
  [
    /content verify error|cms routines::verification failure|invalid bundle format|invalid bundle|signature size|not a bundle|digest failure|no matching digest/i,
    'damaged',
  ],
  [/failed to (?:mount|load|read).*bundle|identifier/i, 'damaged'],
  [/signature verification failed|no signature|unable to get.*issuer|self.signed/i, 'not-signed'],
  [/compatible mismatch/i, 'wrong-board'],
  [/no space left|exceeds|too (?:large|big|small)|bigger than/i, 'no-room'],
  [/already processing|busy/i, 'busy'],
  // Whoever received it has it open for writing, and could change it after it was verified.
  [/exclusive bundle access|unsafe bundle/i, 'other'],
];

export function reasonOf(said: string): UpdateReason | undefined {
  return signs.find(([sign]) => sign.test(said))?.[1];
}

/** For a person. */
export function sentenceOf(reason: UpdateReason, said: string): string {
  switch (reason) {
    case 'damaged':
      return 'This update is not whole: bytes of it are missing, or others than were signed.';
    case 'not-signed':
      return 'This update is not signed by this box’s key.';
    case 'wrong-board':
      return `This update is for another board${boardsIn(said)}.`;
    case 'no-room':
      return 'This update is larger than the room that the box has for it.';
    case 'busy':
      return 'Another update is being installed.';
    default:
      return `It could not be written: ${said.replace(/[^ -~]/g, ' ').slice(0, 200)}`;
  }
}

function boardsIn(said: string): string {
  const [, own, other] = /expected '([\w-]{1,40})' but bundle manifest has '([\w-]{1,40})'/i.exec(said) ?? [];
  return own === undefined ? '' : `: ${other}, and this box is ${own}`;
}
