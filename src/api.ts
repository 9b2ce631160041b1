/** The sum of the HTTP contracts: what clients type against (by `import type`) and what the document describes. */

import { accountContract, NoticeEvent } from './access/account-contract.ts';
import { ApprovalEvent, approvalsContract } from './access/approvals-contract.ts';
import { codesContract } from './access/codes-contract.ts';
import { accessContract } from './access/contract.ts';
import { householdContract } from './access/household-contract.ts';
import { limitsContract } from './access/limits-contract.ts';
import { sessionsContract } from './access/sessions-contract.ts';
import { applianceContract } from './appliance/contract.ts';
import { deviceContract } from './appliance/device-contract.ts';
import { adoptionContract } from './copies/adoption-contract.ts';
import { boxCopiesContract } from './copies/box-copies-contract.ts';
import { exportContract } from './copies/export-contract.ts';
import { mirrorsContract } from './copies/mirrors-contract.ts';
import { verificationContract } from './copies/verification-contract.ts';
import { DisksEvent, disksContract } from './disks/disks-contract.ts';
import { diskHealthContract } from './disks/health-contract.ts';
import { alertsContract } from './health/alerts-contract.ts';
import { channelsContract } from './health/channels-contract.ts';
import { HomeEvent, homeContract } from './health/contract.ts';
import { disksRoomContract } from './health/disks-room-contract.ts';
import { reportsContract } from './health/reports-contract.ts';
import { clockContract } from './http/clock.ts';
import { healthContract } from './http/health.ts';
import { liveEventsContract } from './http/live-events.ts';
import { importsContract } from './imports/contract.ts';
import { LibraryEvent, libraryContract } from './library/contract.ts';
import { downloadsContract } from './library/downloads-contract.ts';
import { erasureContract } from './library/erasure-contract.ts';
import { safeContract } from './library/safe-contract.ts';
import { timelineContract } from './library/timeline-contract.ts';
import { trashContract } from './library/trash-contract.ts';
import { MediaEvent, mediaContract } from './media/contract.ts';
import { offboxContract } from './offbox/contract.ts';
import { connectionsContract } from './phones/connections-contract.ts';
import { PairingEvent, phonesContract } from './phones/contract.ts';
import { type Static, Type } from './platform/schema.ts';
import { shareContract } from './share/contract.ts';
import { updatesContract } from './updates/updates-contract.ts';
import { UploadsEvent, uploadsContract } from './uploads/contract.ts';

/** What the rooms tell live of. */
const LiveEvent = Type.Union([
  LibraryEvent,
  UploadsEvent,
  MediaEvent,
  NoticeEvent,
  ApprovalEvent,
  PairingEvent,
  HomeEvent,
  DisksEvent,
]);
export type LiveEvent = Static<typeof LiveEvent>;
export const eventsContract = liveEventsContract(LiveEvent);

export const api = {
  ...healthContract,
  ...accessContract,
  ...sessionsContract,
  ...accountContract,
  ...codesContract,
  ...householdContract,
  ...limitsContract,
  ...approvalsContract,
  ...clockContract,
  ...applianceContract,
  ...deviceContract,
  ...updatesContract,
  ...phonesContract,
  ...connectionsContract,
  ...libraryContract,
  ...timelineContract,
  ...trashContract,
  ...safeContract,
  ...downloadsContract,
  ...erasureContract,
  ...uploadsContract,
  ...mediaContract,
  ...disksContract,
  ...diskHealthContract,
  ...disksRoomContract,
  ...verificationContract,
  ...mirrorsContract,
  ...boxCopiesContract,
  ...adoptionContract,
  ...importsContract,
  ...exportContract,
  ...shareContract,
  ...offboxContract,
  ...homeContract,
  ...alertsContract,
  ...reportsContract,
  ...channelsContract,
  ...eventsContract,
};
