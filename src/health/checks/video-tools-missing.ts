import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** A folder is chosen once, by the date inside the file: without the tool that reads it, videos are not taken. */
export function videoToolsMissing(facts: Facts): Alert[] {
  return facts.videoToolsMissing ? [{ code: 'video-tools-missing', severity: 'watch', params: {} }] : [];
}
