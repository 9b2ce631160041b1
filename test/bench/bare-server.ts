/**
 * What the box's door is measured against: bare node:http over our own store, and the steps that lead there, each in
 * addition to the one before. Arguments: step, folder, and for TLS a file with the key and one with the chain.
 * Prints its port as JSON.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { giveBack, receive } from '../../src/uploads/receiving.ts';
import { TestBox } from '../support/open-library.ts';

type Take = (request: IncomingMessage, name: string) => Promise<void>;

async function takeFor(step: string, dir: string): Promise<Take> {
  switch (step) {
    case 'drop':
      return (request) => read(request, giveBack);
    case 'hash':
      return async (request) => {
        const hash = createHash('sha256');
        await read(request, (chunk) => {
          hash.update(chunk);
          giveBack(chunk);
        });
        hash.digest();
      };
    case 'write':
      return (request, name) => intoFile(request, join(dir, name), false);
    case 'sync':
      return (request, name) => intoFile(request, join(dir, name), true);
    case 'store':
      return await storeIn(dir);
    default:
      throw new Error(`There is no step "${step}".`);
  }
}

function read(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    request.on('data', take).on('end', resolve).on('error', reject);
  });
}

/** Hashed and written by the store's own receiver; without `sync` nothing waits for the disk. */
async function intoFile(request: IncomingMessage, path: string, sync: boolean): Promise<void> {
  const file = await open(path, 'wx');
  const unsynced = {
    writev: (buffers: Buffer[], position: number) => file.writev(buffers, position),
    datasync: async () => undefined,
  };
  const hash = createHash('sha256');
  await receive(request, {
    file: sync ? file : (unsynced as unknown as FileHandle),
    position: 0,
    hash,
    bytesMax: Number.MAX_SAFE_INTEGER,
    idleMs: 60_000,
    stop: new AbortController().signal,
    synced: async () => undefined,
  });
  hash.digest();
  if (sync) await file.datasync();
  await file.close();
}

/** The whole store: library, catalogue, capture dates, publishing. */
async function storeIn(dir: string): Promise<Take> {
  const box = await TestBox.make(dir);
  return async (request, name) => {
    const length = Number(request.headers['content-length']);
    const facts = { path: `DCIM/${name}`, mtime: 1_780_000_000_000 };
    await box.uploads.begin(box.owner.phoneId, { door: 'bare', length, facts }, async (upload) => {
      await upload.openFile();
      await upload.append(0, request);
      await upload.finish();
    });
  };
}

async function main(): Promise<void> {
  const [step = '', dir = '', keyFile, chainFile] = process.argv.slice(2);
  const take = await takeFor(step, dir);
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    take(request, (request.url ?? '').slice(1)).then(
      () => response.writeHead(201).end(),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        response.writeHead(500).end();
      },
    );
  };
  const server =
    keyFile === undefined || chainFile === undefined
      ? createServer(answer)
      : createTlsServer({ key: readFileSync(keyFile), cert: readFileSync(chainFile) }, answer);
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
  });
}

process.once('SIGTERM', () => process.exit(0));
await main();
