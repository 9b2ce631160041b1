import { tmpdir } from 'node:os';
import { appendStoreContract } from './append-store.ts';

appendStoreContract('the temporary folder’s filesystem', tmpdir());
// tmpfs keeps no length by itself: there the record of completed syncs decides.
appendStoreContract('tmpfs', '/dev/shm');
