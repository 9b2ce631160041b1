import type { ReplyOf } from '../ask/ask.ts';

export type Updates = ReplyOf<'GET /api/updates'>;
export type From =
  | Readonly<{ kind: 'upload' }>
  | Readonly<{ kind: 'disk'; source: string; name: string }>
  | Readonly<{ kind: 'address' }>;
/** What every part of the page has. */
export type Part = Readonly<{
  updates: Updates;
  /** Nothing else may begin. */
  busy: boolean;
  install: (from: From, more?: { older: boolean }) => Promise<boolean>;
  again: () => Promise<void>;
}>;
