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
  /** What it says is for later. */
  'not-yet',
  'write-failed',
  'other',
] as const;
export type UpdateReason = (typeof updateReasons)[number];
