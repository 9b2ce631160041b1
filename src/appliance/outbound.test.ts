import { expect, it } from 'vitest';
import { type Destination, destinationsOf } from '../platform/destinations.ts';
import { portsFor } from './outbound.ts';

const tcp = (host: string, port: number): Destination => ({ protocol: 'tcp', host, port });
const open = (destinations: readonly Destination[]) =>
  portsFor(destinations).map(({ protocol, port }) => `${protocol} ${port}`);

it('opens nothing while nothing is turned on, and nothing for who is in the local network', () => {
  expect(open([])).toEqual([]);
  const near = ['192.168.1.4', '10.0.0.1', '100.64.3.2', 'fd00::7', 'fe80::1', '127.0.0.1', '::1', 'localhost'];
  expect(open([...near, 'nas.local', 'NAS.home.arpa.'].map((host) => tcp(host, 22)))).toEqual([]);
});

it('opens each port once, and lets the resolver ask where a name is to be found', () => {
  expect(open([tcp('203.0.113.7', 465)])).toEqual(['tcp 465']);
  const wanted = [
    ...[tcp('smtp.example.org', 587), tcp('mail.example.org', 587)],
    ...destinationsOf('https://ntfy.sh/secret-topic'),
    ...destinationsOf('http://[2001:db8::1]:8080/x'),
    { protocol: 'udp', host: '0.pool.ntp.org', port: 123 } as const,
  ];
  expect(open(wanted)).toEqual(['tcp 53', 'udp 53', 'udp 123', 'tcp 443', 'tcp 587', 'tcp 8080']);
  expect(destinationsOf('ftp://example.org/')).toEqual([]);
  expect(destinationsOf('no address')).toEqual([]);
});
