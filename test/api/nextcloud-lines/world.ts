/** One box, and the apps of four phones of Bob's with it, each as curl plays it; and one of Carol's. */
import { createHash } from 'node:crypto';
import { App } from '../../support/app.ts';
import { connect } from '../../support/callers.ts';
import { CurlApp } from '../../support/curl-app.ts';
import { exifJpeg } from '../../support/exif-jpeg.ts';
import type { HandPhone } from '../../support/hand-phone.ts';

/** A line of a table of what the apps ask; `who`: by the letters of that table. */
export type Line = Readonly<{ line: string; who: string; check: (world: World) => Promise<void> }>;

const agents = {
  android: 'Mozilla/5.0 (Android) Nextcloud-android/3.34.0',
  ios: 'Mozilla/5.0 (iOS) Nextcloud-iOS/7.1.2',
  desktop:
    'Mozilla/5.0 (Linux) mirall/3.7.3 (Nextcloud, debian-6.1.0 ClientArchitecture: x86_64 OsArchitecture: x86_64)',
  rclone: 'rclone/v1.60.1-DEV',
} as const;
type AppName = keyof typeof agents;
const isOcs = { 'OCS-APIRequest': 'true' };

export class World {
  readonly box: App;
  readonly phones: Readonly<Record<AppName | 'carol', HandPhone>>;
  readonly android: CurlApp;
  readonly ios: CurlApp;
  readonly desktop: CurlApp;
  readonly rclone: CurlApp;
  readonly carol: CurlApp;

  private constructor(box: App, phones: World['phones'], apps: Readonly<Record<AppName | 'carol', CurlApp>>) {
    this.box = box;
    this.phones = phones;
    this.android = apps.android;
    this.ios = apps.ios;
    this.desktop = apps.desktop;
    this.rclone = apps.rclone;
    this.carol = apps.carol;
  }

  static async start(): Promise<World> {
    const box = await App.startClaimed();
    const phones = {
      android: await box.pair('Bob', 'Pixel'),
      ios: await box.pair('Bob', 'iPhone'),
      desktop: await box.pair('Bob', 'Laptop'),
      rclone: await box.pair('Bob', 'Server'),
      carol: await box.pair('Carol', 'Galaxy'),
    };
    const appOf = async (name: AppName, phone: HandPhone, headers: Record<string, string> = {}) =>
      new CurlApp(() => `http://127.0.0.1:${box.httpPort}`, {
        agent: agents[name],
        headers,
        credential: await connect(phone),
      });
    return new World(box, phones, {
      android: await appOf('android', phones.android, isOcs),
      ios: await appOf('ios', phones.ios, { ...isOcs, Accept: 'application/json' }),
      desktop: await appOf('desktop', phones.desktop, isOcs),
      rclone: await appOf('rclone', phones.rclone, { Referer: 'http://127.0.0.1/' }),
      carol: await appOf('android', phones.carol, isOcs),
    });
  }

  /** The checksums of Bob's files, in hexadecimal. */
  async stored(): Promise<string[]> {
    return (await this.phones.android.library('?limit=1000')).assets.map(({ sha256 }) => sha256);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }
}

let seed = 900;
export function picture(bytes = 9_000): Buffer {
  return exifJpeg({ seed: seed++, bytes, takenLocal: '2025-07-14T09:30:00' });
}

export function hash(bytes: Uint8Array, algorithm = 'sha256'): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

/** As the box tells it of a file: in quotes. */
export function etagFor(bytes: Uint8Array): string {
  return `"${hash(bytes)}"`;
}
