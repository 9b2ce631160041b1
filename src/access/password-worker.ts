/**
 * A thread that does nothing but argon2 (RFC 9106), one hash at a time. The synchronous form on purpose: the
 * asynchronous one takes a thread of the pool that file work needs, also from here.
 */
import { argon2Sync } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { HashOrder, HashResult } from './passwords.ts';

giveWay();

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

/** Whoever guesses passwords must not slow down a backup: Linux gives each thread a priority of its own (sched(7)). */
function giveWay(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Elsewhere it goes on as it is.
  }
}
