/**
 * The doors for other people's apps, put together. A part of the composition root, which alone calls it.
 */
import type { Admission } from './admission.ts';
import type { Routes } from './http/contract.ts';
import { transportOf } from './http/server.ts';
import { nextcloudRoutes } from './nextcloud/nextcloud.ts';
import type { Presence } from './presence.ts';
import type { Storage } from './storage.ts';

type DoorsDeps = Readonly<{ storage: Storage; admission: Admission; presence: Presence; now: () => number }>;

/** No part of the box's own API, and of its document. */
export function appDoors({ storage, admission, presence, now }: DoorsDeps): Routes[] {
  const { library, uploads, jpegs } = storage;
  return nextcloudRoutes({
    library,
    uploads,
    connections: admission.phones.connections,
    transportOf,
    boxName: () => presence.name,
    personName: (id) => admission.access.person(id)?.name ?? '',
    quotaOf: (id) => admission.limits.of(id).quotaBytes,
    picture: (personId, assetId, size, signal) => jpegs.jpeg(personId, assetId, size, signal),
    now,
  });
}
