/**
 * The media worker: `node worker-main.ts SOCKET [IDLE_MS]`, or with a listening socket as file descriptor 3 from systemd
 * (sd_listen_fds(3)). Answers what protocol.ts says, and ends by itself.
 */
import { flushCompileCache } from 'node:module';
import { decode } from './decode.ts';
import { removeTemporaryFolders } from './temporary.ts';
import { serve } from './worker.ts';

const handedOver = process.env['LISTEN_FDS'] === '1' && process.env['LISTEN_PID'] === String(process.pid);
const [, , path, idleMs] = process.argv;
const listen = handedOver ? { fd: 3 } : path;
if (listen === undefined) {
  process.stderr.write('Say where to listen: worker-main.ts SOCKET\n');
  process.exit(2);
}
try {
  removeTemporaryFolders();
} catch {
  // Another user's, or none: nothing that a picture depends on.
}
await serve({ decode, listen, ...(Number(idleMs) > 0 ? { idleMs: Number(idleMs) } : {}) });
// Kept for the next start, also when this one is killed.
flushCompileCache();
