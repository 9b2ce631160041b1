/**
 * A thread of the media worker that shares nothing with it but a deadline: while a job runs, it looks at the clock and
 * at the memory of the worker and its children, and kills all of them when either is over. It works when the main
 * thread hangs in a loop, or in a decoder; nothing is asked of that thread.
 */
import { workerData } from 'node:worker_threads';
import { removeTemporaryFolders } from './temporary.ts';
import { deadlines, processTree, treeAnonymousBytes, type WatchdogData } from './watched.ts';

const lookMs = 50;

watch(workerData);

function watch({ shared, memoryBytes }: WatchdogData): never {
  const deadline = new BigInt64Array(shared);
  for (;;) {
    const until = Atomics.load(deadline, 0);
    if (until === deadlines.none) {
      Atomics.wait(deadline, 0, deadlines.none);
      continue;
    }
    if (process.hrtime.bigint() > until || treeAnonymousBytes() > memoryBytes) killAll();
    Atomics.wait(deadline, 0, until, lookMs);
  }
}

/** Children first: alone they would go on. */
function killAll(): never {
  const children = processTree().filter((pid) => pid !== process.pid);
  for (const pid of children.reverse()) kill(pid);
  try {
    removeTemporaryFolders(process.pid);
  } catch {
    // The next worker looks for what this one left.
  }
  for (;;) kill(process.pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}
