/** The root filesystem that `make container` gives, as its users run it: a container, two volumes, the host's network. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checksums } from '../demo/tree.ts';
import { ContainerEngine, engineMissing } from '../support/container-engine.ts';
import { maySkip, say } from '../support/counts.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { freePort } from '../support/free-port.ts';
import { quartered, quarteredVideo } from '../support/made-media.ts';
import { RealPhone } from '../support/real-phone.ts';

const project = new URL('../..', import.meta.url).pathname;
const run = promisify(execFile);
const pictures = 12;
const owner = { person: 'Alice', password: 'a long enough password for tests' };
const missing = await engineMissing();
if (missing !== undefined) say(`the container: left out, ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('the container', () => {
  const name = `nightjar-test-${process.pid}`;
  const volumes = { state: `${name}-state`, disk: `${name}-disk` };
  let dir: string;
  let camera: string;
  let engine: ContainerEngine;
  let box: StartedTestContainer;
  let ports: { http: number; https: number };
  let phone: RealPhone;
  let log = '';

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nightjar-container-'));
    camera = join(dir, 'Camera');
    phone = new RealPhone(dir);
    ports = { http: await freePort(), https: await freePort() };
    engine = await ContainerEngine.start();
    const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as { version: string };
    const packed = join(project, `dist/nightjar-${version}-container.tar.zst`);
    const [loaded] = await Promise.all([
      run(join(project, 'image/load-container'), [packed, `${name}:latest`], { env: engine.env }),
      makePictures(camera),
    ]);
    say(`the container: ${loaded.stdout.trim().slice(0, 19)} loaded into ${engine.host}`);
    Object.assign(process.env, {
      DOCKER_HOST: engine.host,
      // What would clean up after it is an image from the internet.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
      // Not looked for: on the host's network there is no gateway to it.
      TESTCONTAINERS_HOST_OVERRIDE: 'localhost',
    });
    box = await start();
  });
  afterAll(async () => {
    await box?.stop();
    await engine?.docker('volume', 'rm', '--force', volumes.state, volumes.disk);
    await engine?.docker('image', 'rm', '--force', `${name}:latest`);
    await engine?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test('belongs to whoever has the code that it shows', async () => {
    await expect.poll(() => log).toMatch(/Setup code:\s+\S+\s/);
    const [, code] = /Setup code:\s+(\S+)/.exec(log) ?? [];
    expect((await ask('POST', '/api/setup', { ...owner, code: 'WRONG-CODE-0000' })).status).toBe(403);
    expect((await ask('POST', '/api/setup', { ...owner, code })).status).toBe(201);
    await expect.poll(health).toMatchObject({ status: 'ok', setUp: true, disk: 'ok' });
  });

  test('runs as nobody in particular', async () => {
    const looked = 'id -un; grep CapEff /proc/self/status; touch /usr/bin/mine 2>&1; true';
    expect(await beside('/usr/bin/sh', '-c', looked)).toMatch(/^nightjar\nCapEff:\s*0+\n.*denied/);
  });

  test('a phone is paired at its console and backs up; every picture can be looked at', async () => {
    const opened = await beside('/usr/bin/nightjar', 'pair', '--person', 'Alice', '--phone', 'Phone', '--json');
    const { link } = JSON.parse(opened) as { link: string };
    await phone.pair(link);
    const { exitCode, last } = await phone.run('backup', camera);
    const files = pictures + 2;
    expect({ exitCode, last }).toMatchObject({ exitCode: 0, last: { safe: files, waiting: 0, refused: 0 } });
    // Its own programs made these, also of HEIC and of a video.
    const made = async () =>
      (await beside('/usr/bin/find', '/disk/.nightjar/thumbs', '-type', 'f')).match(/\n/g)?.length;
    await expect.poll(made, { interval: 1_000 }).toBe(files);
  });

  test('restarted it goes on, and has nothing left to ask for', async () => {
    await box.restart();
    await expect.poll(health).toMatchObject({ status: 'ok', setUp: true, disk: 'ok' });
    const { exitCode, last } = await phone.run('backup', camera);
    expect({ exitCode, last }).toMatchObject({ exitCode: 0, last: { safe: pictures + 2, bytes: 0 } });
  });

  test('another container over the same volumes gives every byte back', async () => {
    await box.stop({ remove: false, timeout: 20_000 });
    // It stopped by itself, and was not killed.
    expect(await engine.docker('inspect', '--format', '{{.State.ExitCode}}', box.getId())).toBe('0\n');
    await engine.docker('rm', box.getId());
    box = await start();
    await expect.poll(health).toMatchObject({ status: 'ok', setUp: true, disk: 'ok' });
    const { exitCode } = await phone.run('restore', join(dir, 'restored'), '--own');
    expect(exitCode).toBe(0);
    const [sent, restored] = [await checksums(camera), await checksums(join(dir, 'restored/Camera'))];
    expect(sent.files.size).toBe(pictures + 2);
    expect(restored.files).toEqual(sent.files);
  });

  async function start(): Promise<StartedTestContainer> {
    const { GenericContainer, Wait } = await import('testcontainers');
    return await new GenericContainer(`${name}:latest`)
      .withNetworkMode('host')
      .withEnvironment({
        NIGHTJAR_HTTP_PORT: String(ports.http),
        NIGHTJAR_HTTPS_PORT: String(ports.https),
        // Beside other tests' boxes on the same network.
        NIGHTJAR_DISCOVERY: 'off',
        TZ: 'Europe/Berlin',
      })
      .withBindMounts([
        { source: volumes.state, target: '/var/lib/nightjar' },
        { source: volumes.disk, target: '/disk' },
      ])
      .withLogConsumer((stream) => {
        stream.on('data', (part: Buffer | string) => {
          log += part;
        });
      })
      .withWaitStrategy(Wait.forLogMessage(/nightjar is ready/))
      .start();
  }

  /** One program in a container of its own over the same volumes: what it wrote. */
  async function beside(program: string, ...args: string[]): Promise<string> {
    // Not `exec`: an engine below a chroot enters the wrong root by it (setns(2)), as on a machine that stands in a folder.
    const mounts = [`${volumes.state}:/var/lib/nightjar`, `${volumes.disk}:/disk`].flatMap((one) => ['--volume', one]);
    const how = ['--rm', '--network', 'host', ...mounts, '--entrypoint', program];
    return await engine.docker('run', ...how, `${name}:latest`, ...args);
  }

  async function ask(method: string, path: string, body?: unknown): Promise<Response> {
    const json =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return await fetch(`http://127.0.0.1:${ports.http}${path}`, { method, ...json });
  }

  async function health(): Promise<unknown> {
    return await (await ask('GET', '/api/health')).json();
  }
});

/** JPEGs of a few hundred kilobytes, one HEIC, one video. */
async function makePictures(camera: string): Promise<void> {
  await mkdir(camera);
  const side = join(camera, '..');
  for (let index = 0; index < pictures; index++) {
    const takenLocal = `2025-${String(index + 1).padStart(2, '0')}-15T10:00:00`;
    await writeFile(
      join(camera, `IMG_${index}.jpg`),
      exifJpeg({ seed: index + 1, bytes: 300_000 + index, takenLocal }),
    );
  }
  await quartered(640).png().toFile(join(side, 'still.png'));
  await run('heif-enc', [join(side, 'still.png'), '-o', join(camera, 'IMG_12.heic')]);
  await run('mv', [await quarteredVideo(side, 'VID_13.mp4'), camera]);
}
