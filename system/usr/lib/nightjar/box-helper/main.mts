/**
 * The box's privileged helper: what Nightjar needs root for, of the machine itself, and nothing more (of disks:
 * `disk-helper`). systemd starts it for one connection; it reads one JSON line, does what it says or refuses, answers with
 * one JSON line, and ends. Runs on bare Node: no package is loaded. It does not trust the daemon.
 */
import { parseArgs } from 'node:util';
import { serve } from '../helper-socket/serve.mts';
import { machineAt } from './machine.mts';
import { parseRequest, requestBytesMax } from './request.mts';
import { perform } from './verbs.mts';

const { values: given } = parseArgs({
  options: { peer: { type: 'string' }, user: { type: 'string' }, 'test-root': { type: 'string' } },
});
await serve({
  name: 'box helper',
  peer: given.peer ?? '',
  user: given.user ?? '',
  requestBytesMax,
  answer: async (line, _owner, note) => {
    const request = parseRequest(line);
    // Not of which network, and with which keys.
    note(request.verb);
    return await perform(request, machineAt(given['test-root'] ?? '/'));
  },
});
