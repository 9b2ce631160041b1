/** What the library tells live of its changes, to those who watch. */
import type { LibraryEvent } from './contract.ts';
import type { AssetRow } from './store.ts';

/** Tells a person's pages and phones; synchronous, and never throws. */
export type TellLibrary = (personId: string, event: LibraryEvent) => void;

/** For `Publishing`'s `onPublished`: tells of each asset that is in its place. */
export function tellArrived(tell: TellLibrary): (asset: AssetRow) => void {
  return (asset) => {
    // The month of the timeline that it is in: where it was taken.
    const month = asset.captured_local.slice(0, 7);
    tell(asset.person_id, { type: 'arrived', asset: asset.id, kind: asset.kind, month });
  };
}
