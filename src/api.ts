/** The sum of the HTTP contracts: what clients type against (by `import type`) and what the document describes. */
import { type Static, Type } from 'typebox';
import { accessContract } from './access/contract.ts';
import { healthContract } from './http/health.ts';
import { liveEventsContract } from './http/live-events.ts';
import { LibraryEvent, libraryContract } from './library/contract.ts';
import { downloadsContract } from './library/downloads-contract.ts';
import { timelineContract } from './library/timeline-contract.ts';
import { trashContract } from './library/trash-contract.ts';
import { MediaEvent, mediaContract } from './media/contract.ts';
import { phonesContract } from './phones/contract.ts';
import { UploadsEvent, uploadsContract } from './uploads/contract.ts';

/** What the rooms tell live of. */
const LiveEvent = Type.Union([LibraryEvent, UploadsEvent, MediaEvent]);
export type LiveEvent = Static<typeof LiveEvent>;
export const eventsContract = liveEventsContract(LiveEvent);

export const api = {
  ...healthContract,
  ...accessContract,
  ...phonesContract,
  ...libraryContract,
  ...timelineContract,
  ...trashContract,
  ...downloadsContract,
  ...uploadsContract,
  ...mediaContract,
  ...eventsContract,
};
