/**
 * The privileged helper: what Nightjar needs root for, of disks, and nothing more. systemd starts it for one connection;
 * it reads one JSON line, does what it says or refuses, answers with one JSON line, and ends. Runs on bare Node: no package
 * is loaded, and of the daemon's source no line (its types are stripped). It does not trust the daemon.
 */
import { parseArgs } from 'node:util';
import { serve } from '../helper-socket/serve.mts';
import { thisMachine } from './machine.mts';
import { parseRequest, requestBytesMax } from './request.mts';
import { perform } from './verbs.mts';

const { values: given } = parseArgs({
  options: { peer: { type: 'string' }, user: { type: 'string' }, 'test-disks': { type: 'string' } },
});
await serve({
  name: 'disk helper',
  peer: given.peer ?? '',
  user: given.user ?? '',
  requestBytesMax,
  answer: async (line, owner, note) => {
    const request = parseRequest(line);
    note(`${request.verb}${'disk' in request ? ` ${request.disk.name}` : ''}`);
    return await perform(request, thisMachine, { owner, testDisks: given['test-disks']?.split(',') });
  },
});
