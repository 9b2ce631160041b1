/** Where the box goes by itself beyond the machine: what its firewall has to know of. */

export type Destination = Readonly<{
  protocol: 'tcp' | 'udp';
  /** A name or an address, without brackets. */
  host: string;
  port: number;
}>;

const schemePorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Where an address of the web leads (RFC 9110, section 4.2). None: it is no such address. */
export function destinationsOf(url: string): Destination[] {
  if (!URL.canParse(url)) return [];
  const { protocol, hostname, port } = new URL(url);
  const number = port === '' ? schemePorts[protocol] : Number(port);
  return number === undefined ? [] : [{ protocol: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: number }];
}
