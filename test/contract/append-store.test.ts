import { tmpdir } from 'node:os';
import { appendStoreContract } from './append-store.ts';

appendStoreContract('the temporary folder’s filesystem', tmpdir());
appendStoreContract('tmpfs', '/dev/shm');
