import { posix } from 'node:path';
import type { Static } from '../platform/schema.ts';
import type { AssetView } from './contract.ts';
import type { AssetRow } from './store.ts';

export function assetView(row: AssetRow): Static<typeof AssetView> {
  return {
    id: row.id,
    path: row.path,
    name: posix.basename(row.path),
    kind: row.kind,
    mediaType: row.media_type,
    size: row.size,
    sha256: row.sha256.toString('hex'),
    mtime: row.mtime,
    capturedAt: row.captured_at,
    capturedLocal: row.captured_local,
    pair: row.pair,
    addedAt: row.added_at,
  };
}
