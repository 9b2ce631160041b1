/** The device's firewall as it lies there (`system/etc/nightjar/firewall.nft`), on a network with a world behind its router. */
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { Lan, type LanHost, lansMissing } from '../support/lan.ts';

const missing = await lansMissing(['nft']);
if (missing !== undefined) say(`the firewall cannot be tested here: ${missing}`);

const rules = new URL('../../system/etc/nightjar/firewall.nft', import.meta.url).pathname;
/** RFC 5737 and RFC 3849: the world, and a household with numbers of its own. */
const world = '203.0.113.9';
const house = '2001:db8:77::';
const opened = [22, 25, 80, 443, 445, 8080];
/** Where nothing is expected: what is let through comes at once. */
const silenceMs = 1_000;
/** Where an answer is: beside a busy machine it comes late. */
const answerMs = 10_000;

const listening = `for (const port of [${opened}]) require('net').createServer((one) => one.end('x')).listen(port, '::');
  const dns = require('dgram').createSocket('udp4').bind(5353, () => console.log('listening'));
  dns.on('message', (text, { address, port }) => dns.send(text, port, address));`;
const trying = `const [host, port, withinMs, localAddress] = process.argv.slice(1);
  const end = (word) => { console.log(word); process.exit(0); };
  setTimeout(() => end('silence'), Number(withinMs));
  if (port === '5353') {
    const asked = require('dgram').createSocket('udp4').bind(0, localAddress);
    const ask = () => asked.send('x', 5353, host, () => undefined);
    asked.on('message', () => end('open')).on('listening', () => { ask(); setInterval(ask, 200); });
  } else require('net').connect({ host, port, localAddress }).on('data', () => end('open')).on('error', ({ code }) => end(code));`;

class House implements AsyncDisposable {
  readonly lan: Lan;
  readonly box: LanHost;
  readonly phone: LanHost;
  readonly router: LanHost;

  private constructor(lan: Lan, box: LanHost, phone: LanHost, router: LanHost) {
    [this.lan, this.box, this.phone, this.router] = [lan, box, phone, router];
  }

  static async make(): Promise<House> {
    const lan = await Lan.make();
    const box = await lan.host('box', '10.77.0.2/24', `${house}2/64`);
    const phone = await lan.host('phone', '10.77.0.3/24', `${house}3/64`);
    const router = await lan.host('router', '10.77.0.1/24');
    await router.addAddress('lo', `${world}/32`);
    await box.ip('route', 'add', 'default', 'via', '10.77.0.1');
    for (const host of [box, phone, router]) {
      const { stdout } = host.spawn(process.execPath, ['-e', listening]);
      await once(stdout, 'data');
    }
    return new House(lan, box, phone, router);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lan.remove();
  }

  /** Of many at once, what each answered where an answer is expected: `open`, `silence`, or the error's code. */
  async answers(from: LanHost, host: string, ports: readonly number[], localAddress?: string): Promise<string[]> {
    return await Promise.all(ports.map((port) => this.#tries(from, host, port, answerMs, localAddress)));
  }

  /** The same where nothing is. */
  async silences(from: LanHost, host: string, ports: readonly number[], localAddress?: string): Promise<string[]> {
    return await Promise.all(ports.map((port) => this.#tries(from, host, port, silenceMs, localAddress)));
  }

  async #tries(from: LanHost, host: string, port: number, ms: number, localAddress?: string): Promise<string> {
    const where = [host, String(port), String(ms), ...(localAddress === undefined ? [] : [localAddress])];
    return (await from.exec(process.execPath, '-e', trying, '--', ...where)).trim();
  }

  async element(verb: 'add' | 'delete', set: string, element: string): Promise<void> {
    await this.box.exec('nft', verb, 'element', 'inet', 'nightjar', set, `{ ${element} }`);
  }
}

describe.skipIf(missing !== undefined && maySkip)('the firewall', () => {
  beforeAll(() => {
    if (missing !== undefined) throw new Error(`The firewall cannot be tested here: ${missing}`);
  });

  it('lets the house in to what is served, the box out to the house, and nothing else either way', async () => {
    await using home = await House.make();
    const { box, phone, router } = home;
    // Without it everything goes through: what is closed below is closed by it.
    expect(await home.answers(router, '10.77.0.2', [443, 8080, 5353], world)).toEqual(['open', 'open', 'open']);
    expect(await home.answers(box, world, [25, 443])).toEqual(['open', 'open']);
    await box.exec('nft', '--file', rules);
    // Once more, as when it is loaded anew: one set of rules, not two.
    await box.exec('nft', '--file', rules);

    const served = await home.answers(phone, '10.77.0.2', [80, 443, 445, 5353]);
    expect(served).toEqual(['open', 'open', 'open', 'open']);
    expect(await home.silences(phone, '10.77.0.2', [22, 25, 8080])).toEqual(['silence', 'silence', 'silence']);
    const fromWorld = await home.silences(router, '10.77.0.2', [22, 80, 443, 445, 5353], world);
    expect(new Set(fromWorld)).toEqual(new Set(['silence']));
    expect(await home.answers(box, '10.77.0.3', [25, 8080])).toEqual(['open', 'open']);
    // Refused at once, by the box itself.
    const refused = await home.answers(box, world, [25, 443]);
    for (const word of refused) expect(['EHOSTUNREACH', 'EACCES', 'ECONNREFUSED']).toContain(word);

    await home.element('add', 'nightjar_in', 'tcp . 22');
    await home.element('add', 'nightjar_out', 'tcp . 443');
    expect(await home.answers(phone, '10.77.0.2', [22])).toEqual(['open']);
    expect(await home.silences(router, '10.77.0.2', [22], world)).toEqual(['silence']);
    expect(await home.answers(box, world, [443])).toEqual(['open']);
    expect(await home.silences(box, world, [25])).not.toEqual(['open']);
    await home.element('delete', 'nightjar_in', 'tcp . 22');
    expect(await home.silences(phone, '10.77.0.2', [22])).toEqual(['silence']);
  });

  it('takes addresses of the world for local where they are on its own cable', async () => {
    await using home = await House.make();
    const { box, phone } = home;
    await box.exec('nft', '--file', rules);
    expect(await home.silences(phone, `${house}2`, [443])).toEqual(['silence']);
    expect(await home.silences(box, `${house}3`, [8080])).not.toEqual(['open']);
    // As systemd-networkd does with what a router says of this cable (NFTSet=prefix:inet:nightjar:own6).
    await home.element('add', 'own6', `${house}/64`);
    expect(await home.answers(phone, `${house}2`, [443])).toEqual(['open']);
    expect(await home.silences(phone, `${house}2`, [8080])).toEqual(['silence']);
    expect(await home.answers(box, `${house}3`, [8080])).toEqual(['open']);
  });
});
