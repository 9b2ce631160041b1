import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that was given to somebody is not given again. */
const given = new Set<number>();

/**
 * A port for somebody who binds it later, also again after a restart. It is none of those that the kernel gives to whoever
 * asks for any (32768 and above): many do that beside each other, and one would get it in between.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(20_000, 32_000);
    if (given.has(port)) continue;
    const server = createServer();
    const free = once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.listen(port, '127.0.0.1');
    if (!(await free)) continue;
    server.close();
    await once(server, 'close');
    given.add(port);
    return port;
  }
  throw new Error('No port is free.');
}
