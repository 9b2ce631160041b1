/** What is sent, and how the client process is told. Sizes in bytes. */

export type Workload = Readonly<{
  name: string;
  /** `video`: random bytes named `.mp4`, so that the box looks at it with ffprobe; `photos`: JPEGs with EXIF dates. */
  kind: 'video' | 'photos';
  bytes: number;
  count: number;
  atOnce: number;
  /** By the WebDAV door: a larger file comes in parts of so many bytes. Not there: in one piece, however large. */
  partBytes?: number;
  /** By the WebDAV door: with what the Android app asks around each file. */
  asksAround?: true;
}>;

export function workloads(quick: boolean): { video: Workload; photos: Workload } {
  const videoBytes = quick ? 200_000_000 : 2_000_000_000;
  const photos = quick ? 100 : 1_000;
  return {
    video: { name: `one video of ${videoBytes / 1e6} MB`, kind: 'video', bytes: videoBytes, count: 1, atOnce: 1 },
    photos: {
      name: `${photos} photos of 3 MB, four at a time`,
      kind: 'photos',
      bytes: 3_000_000,
      count: photos,
      atOnce: 4,
    },
  };
}

/** Sent before the clock starts, to every server alike: code is warm, and helpers that live on are running. */
export const warmUps: readonly Workload[] = [
  { name: 'warm-up', kind: 'video', bytes: 32_000_000, count: 1, atOnce: 1 },
  { name: 'warm-up', kind: 'photos', bytes: 1_000_000, count: 20, atOnce: 4 },
];

/**
 * `put`: one PUT for each file. `tus`: as nightjar-phone does it: small files in one POST, others by POST and PATCH.
 * `webdav`: as Nextcloud's apps do it: a PUT with their headers, or numbered parts and a MOVE.
 */
export type Door = 'put' | 'tus' | 'webdav';

export type Job = Readonly<{
  url: string;
  door: Door;
  token: string | null;
  workload: Workload;
  /** Makes the content and the names of this job differ from every other job's. */
  seed: number;
}>;
