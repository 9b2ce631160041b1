/**
 * A thread that does nothing but argon2 (RFC 9106), one hash at a time. The synchronous form on purpose: the
 * asynchronous one takes a thread of the pool that file work needs, also from here.
 */
import { argon2Sync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { HashOrder, HashResult } from './passwords.ts';

parentPort?.on('message', (order: HashOrder) => {
  let result: HashResult;
  try {
    const tag = argon2Sync('argon2id', {
      message: order.password,
      nonce: order.salt,
      parallelism: order.parallelism,
      tagLength: order.tagBytes,
      memory: order.memoryKiB,
      passes: order.passes,
    });
    // A copy: the driver's buffer may be a slice of a shared pool.
    result = { tag: Uint8Array.from(tag) };
  } catch (error) {
    result = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(result);
});
