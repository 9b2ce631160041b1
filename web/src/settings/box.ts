import type { ReplyOf } from '../ask/ask.ts';

export type Box = ReplyOf<'GET /api/box'>;
