/**
 * Run by node on another host of the network: `scan.ts ADDRESS`. Prints as JSON which TCP ports of all answer there, and
 * which of the usual UDP ports do.
 */
import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';

const portMax = 65_535;
const atOnce = 1_500;
/** A second SYN goes out after one second; an emulated box is slow. */
const answerMs = 4_000;
const udpPorts = [
  7, 19, 53, 67, 68, 69, 111, 123, 137, 138, 161, 500, 514, 520, 546, 547, 631, 1194, 1434, 1900, 2049, 3702, 4500,
  5060, 5351, 5353, 5355, 10_000, 11_211, 17_500, 27_015, 33_434, 41_641, 51_820,
];

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const done = (open: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(open);
    };
    const timer = setTimeout(() => done(false), answerMs);
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** Answered means: anything came back, also "port unreachable". */
function answersUdp(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const done = (open: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(open);
    };
    const timer = setTimeout(() => done(false), answerMs);
    socket.once('message', () => done(true));
    socket.once('error', () => done(true));
    // Connected, so that an ICMP error comes here. A query for any name makes sense to DNS, mDNS and LLMNR alike.
    const query = Buffer.from('000000000001000000000000086e696768746a6172056c6f63616c0000010001', 'hex');
    socket.connect(port, host, () => socket.send(query));
  });
}

async function all(ports: readonly number[], ask: (port: number) => Promise<boolean>): Promise<number[]> {
  const found: number[] = [];
  const left = [...ports];
  const worker = async () => {
    for (let port = left.shift(); port !== undefined; port = left.shift()) if (await ask(port)) found.push(port);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found.toSorted((one, other) => one - other);
}

const [host = ''] = process.argv.slice(2);
const tcp = await all(
  Array.from({ length: portMax }, (_, at) => at + 1),
  (port) => answers(host, port),
);
const udp = await all(udpPorts, (port) => answersUdp(host, port));
process.stdout.write(`${JSON.stringify({ tcp, udp })}\n`);
