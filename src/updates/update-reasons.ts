/** Why an update was refused, failed or went back: a closed list, whose sentences are the page's. */
export const updateReasons = [
  /** No signature, or not one by this box's update key. */
  'not-signed',
  'wrong-board',
  /** Shorter than it says, or other bytes than were signed. */
  'damaged',
  'no-room',
  /** Older than the running version, and nobody said that this is wanted. */
  'older',
  /** The running version could not read what it writes, if it had to come back: a version between is skipped. */
  'skips-a-release',
  /** An install, or a trial, is under way. */
  'busy',
  /** Power went, or the machine restarted, while it was written. */
  'interrupted',
  /** It ran, and its program did not answer in time. */
  'did-not-answer',
  /** It answered, and could not open the library that was open before. */
  'library-not-opened',
  /** It came back without having said anything: it did not start, it hung, or the power went. */
  'did-not-start',
  /** The address does not answer, or with something else. */
  'not-reached',
  /** Who signed what it says may not do so at the time that the box has. */
  'wrong-time',
  'write-failed',
  'other',
] as const;
export type UpdateReason = (typeof updateReasons)[number];
