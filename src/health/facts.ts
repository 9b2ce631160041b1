/** What the checks are given: all that the box knows just now and that may need somebody, as one person may see it. */
import type { DiskVerdict } from '../disks/disk-rules.ts';
import type { LibraryState } from '../library/library.ts';
import type { CodedError } from '../platform/errors.ts';
import type { Alert, AlertCode, HomePhone } from './contract.ts';
import type { Night } from './night.ts';

export type Facts = Readonly<{
  now: number;
  /** Who looks: the owner hears of the whole box, a member of what keeps their own photos out. */
  owner: boolean;
  /** Those that they may see. */
  phones: readonly HomePhone[];
  library: LibraryState;
  /** Why the library is not open. */
  problem: CodedError | undefined;
  /** When it was lost to a disk that would not read or write. */
  breaks: readonly number[];
  /** Of its disk; null: it is away, or does not answer. */
  room: Readonly<{ totalBytes: number; freeBytes: number }> | null;
  /** What receiving leaves alone. */
  reserveBytes: number;
  /** Of who looks. */
  secondFactor: boolean;
  /** Its steps are done or put off: what is missing from then on is said here. */
  firstRunOver: boolean;
  clockBehind: boolean;
  videoToolsMissing: boolean;
}> &
  WatchFacts;

/** What only the watch over the nights knows. */
export type WatchFacts = Readonly<{
  night: Night;
  /** IANA. */
  zone: string;
  /** From so many on somebody is to hear that a phone is silent, or that its files do not come. */
  silentNightsMin: number;
  /** Days until the disk is full at the rate of late; null: nobody can tell, or never. */
  fullInDays: number | null;
  /** Files whose bytes are known not to be what came; null: nobody knows just now. */
  damaged: number | null;
  /** Disks that hold everything a second time; `waiting`: files that each lacks. Null: nobody knows just now. */
  mirrors: ReadonlyArray<
    Readonly<{
      disk: string;
      name: string;
      attached: boolean;
      seenAt: number;
      behindSince: number | null;
      waiting: number;
    }>
  > | null;
  /** The copy on another machine: since when it is owed, and when something there was found wrong. Null: none. */
  offbox: Readonly<{ since: number; damagedAt: number | null; drillFailedAt: number | null }> | null;
  /** How the attached disks are, by what they tell and the box saw; `reason`: the worst of why. Null: nobody knows. */
  disks: ReadonlyArray<Readonly<{ disk: string; name: string; verdict: DiskVerdict; reason: string | null }>> | null;
  /** How far the internet's time was ahead of the box, as that was told last; negative: behind it. Null: nobody asked. */
  aheadMs: number | null;
  machine: MachineFacts;
  /** What the box shows to those who connect. */
  certificates: ReadonlyArray<Readonly<{ which: 'name' | 'address' | 'owner'; validUntil: number }>>;
  /** Channels that could not send what is due; `since`: when the oldest of it was put down. */
  failing: ReadonlyArray<Readonly<{ channel: string; since: number; waiting: number }>>;
  book: AlertMemory;
}>;

/** Null: this machine does not tell. */
export type MachineFacts = Readonly<{
  memory: Readonly<{ totalBytes: number; availableBytes: number }> | null;
  celsius: number | null;
}>;

/** What was so before: without it a figure beside its limit would raise an alert anew every minute. */
export type AlertMemory = Readonly<{
  /** Since when it is so; undefined: it was not, at the last look. */
  since: (code: AlertCode, key?: string) => number | undefined;
  /** Whether somebody was told of it, and it is not over. */
  raised: (code: AlertCode, key?: string) => boolean;
  acknowledged: (code: AlertCode, key?: string) => boolean;
}>;

/** What a check finds. */
export type Need = Alert &
  Readonly<{
    /** False: it is so, and may pass by itself; remembered, and said to nobody yet. */
    ready?: false;
    /** One that grows asks again for somebody who has acknowledged it. Default: 0. */
    level?: number;
  }>;
