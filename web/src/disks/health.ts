import type { ReplyOf } from '../ask/ask.ts';

export type Health = ReplyOf<'GET /api/disks/:id/health'>;
