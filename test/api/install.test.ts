/** The page for whoever installs the command-line client: it loads from the box alone, and its recipes are what they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';

const dir = new URL('../../web/static', import.meta.url).pathname;
const files = readdirSync(dir);
const read = (file: string) => readFileSync(join(dir, file), 'utf8');
const pages = { '/install': 'install.html' };

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
const unescaped = (text: string) => text.replace(/&(?:lt|gt|amp);/g, (one) => entities[one] ?? '');

/** The text of the element `id`, as its Copy button gives it. */
function command(id: string): string {
  const found = new RegExp(`<code id="${id}"[^>]*>([\\s\\S]*?)</code>`).exec(read('install.html'))?.[1];
  if (found === undefined) throw new Error(`no ${id}`);
  return unescaped(found.replace(/<\/?span>/g, ''));
}

/** The file that a command writes with `cat > FILE <<'END'`. */
function written(id: string): { path: string; text: string } {
  const [, path = '', text = ''] = /cat > (\S+) <<'END'\n([\s\S]*?\n)END(?:\n|$)/.exec(command(id)) ?? [];
  return { path, text };
}

/** systemd.syntax(7): sections of assignments; a line that is neither is an error. */
function parseUnit(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> | undefined;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const head = /^\[(\w+)\]$/.exec(line)?.[1];
    if (head !== undefined) {
      section = {};
      sections[head] = section;
      continue;
    }
    const [, key, value] = /^([A-Z]\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || section === undefined) throw new Error(`no unit line: ${line}`);
    section[key] = value;
  }
  return sections;
}

type Plist = string | number | boolean | Plist[] | { [key: string]: Plist };
const plistForm =
  /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<!DOCTYPE plist [^>]+>\n<plist version="1\.0">([\s\S]*)<\/plist>\n$/;

/** The few elements of a property list that an agent has, strictly: anything else is an error. */
function parsePlist(xml: string): Plist {
  const tokens = (plistForm.exec(xml)?.[1] ?? '').match(/<[^>]+>|[^<>]+/g)?.filter((one) => one.trim() !== '') ?? [];
  const next = () => tokens.shift() ?? '';
  const inner = (name: string) => {
    const text = next();
    if (/[<>]|&(?!(?:amp|lt|gt);)/.test(text)) throw new Error(`not escaped: ${text}`);
    const end = next();
    if (end !== `</${name}>`) throw new Error(`${end} where ${name} should end`);
    return unescaped(text);
  };
  const list = (): Plist[] => {
    const items: Plist[] = [];
    for (let one = next(); one !== '</array>'; one = next()) items.push(value(one));
    return items;
  };
  const dict = (): Plist => {
    const made: { [key: string]: Plist } = {};
    for (let one = next(); one !== '</dict>'; one = next()) {
      if (one !== '<key>') throw new Error(`${one} where a key was due`);
      made[inner('key')] = value(next());
    }
    return made;
  };
  const value = (token: string): Plist => {
    switch (token) {
      case '<true/>':
      case '<false/>':
        return token === '<true/>';
      case '<string>':
        return inner('string');
      case '<integer>':
        return Number(inner('integer'));
      case '<array>':
        return list();
      case '<dict>':
        return dict();
      default:
        throw new Error(`unknown ${token}`);
    }
  };
  const whole = value(next());
  if (tokens.length > 0) throw new Error(`left over: ${tokens.join('')}`);
  return whole;
}

const linksOf = (html: string) => [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, to = '']) => to);

describe('the pages', () => {
  let app: App;
  beforeAll(async () => {
    app = await App.start();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it.each(
    Object.entries(pages),
  )('%s is served as it is, and everything on it comes from the box', async (path, file) => {
    const page = await app.ask('GET', path);
    expect([page.status, page.text]).toEqual([200, read(file)]);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'self'; .*script-src 'self'/);
    expect(page.headers['content-security-policy']).not.toContain('unsafe');
    expect(page.text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:/i);
    const links = linksOf(page.text);
    expect(links.length).toBeGreaterThan(4);
    for (const to of links) {
      expect(to).toMatch(/^(?:#\w|\/(?!\/))/);
      // A checkout without the bundled client serves no tarball.
      if (to.startsWith('#')) expect(page.text).toContain(`id="${to.slice(1)}"`);
      else if (to !== '/nightjar-phone.tgz') expect((await app.ask('GET', to)).status, to).toBe(200);
    }
  });

  it('leave no file of theirs unused, and load nothing from elsewhere', () => {
    // The welcome page of plain http is made by the box; it uses the one, and is to look by the other.
    const used = new Set([...Object.values(pages), 'welcome.css', 'trust.js', 'probe.svg']);
    for (const file of files) {
      const text = read(file);
      for (const [, name = ''] of text.matchAll(/(?:\/static\/|'\.\/|url\(")([\w-]+\.\w+)/g)) used.add(name);
      if (/\.(?:css|js)$/.test(file)) expect(text, file).not.toMatch(/@import|https?:\/\/(?!\$\{)|['"(]\/\//);
    }
    expect(files.filter((file) => !used.has(file))).toEqual([]);
  });

  it('have a Copy button for every command, and no button without one', () => {
    for (const file of Object.values(pages)) {
      const commands = [...read(file).matchAll(/<code id="([\w-]+)"/g)].map(([, id]) => id);
      const buttons = [...read(file).matchAll(/data-copies="([\w-]+)"/g)].map(([, id]) => id);
      expect(commands.length).toBeGreaterThan(1);
      expect([buttons, read(file).match(/<code/g)?.length], file).toEqual([commands, commands.length]);
    }
  });
});

describe('the install page', () => {
  it('has a unit that starts the client by night, and again only where that can help', () => {
    const { path, text } = written('l-unit');
    expect(path).toBe('~/.config/systemd/user/nightjar-phone.service');
    const unit = parseUnit(text);
    expect(Object.keys(unit)).toEqual(['Unit', 'Service', 'Install']);
    expect(unit['Service']).toMatchObject({
      ExecStart: '%h/.local/bin/nightjar-phone run --nightly 02:00 %h/Pictures',
      Restart: 'on-failure',
      RestartPreventExitStatus: '2 3',
    });
    expect(unit['Install']).toEqual({ WantedBy: 'default.target' });
    expect(command('l-enable')).toContain(`systemctl --user enable --now ${basename(path, '.service')}`);
    expect(() => parseUnit(text.replace('Nice=10', 'Nice 10'))).toThrow('no unit line');
  });

  it('has an agent that launchd keeps alive, in a valid property list', () => {
    const { path, text } = written('m-plist');
    const log = '"$HOME/Library/Logs/nightjar-phone.log"';
    expect(parsePlist(text)).toMatchObject({
      Label: 'nightjar-phone',
      ProgramArguments: [
        '/bin/sh',
        '-c',
        `exec "$HOME/.local/bin/nightjar-phone" run --nightly 02:00 "$HOME/Pictures" > ${log} 2>&1`,
      ],
      KeepAlive: true,
      RunAtLoad: true,
    });
    expect(command('m-start')).toBe(`launchctl bootstrap gui/$UID ${path}`);
    expect(command('m-stop')).toBe('launchctl bootout gui/$UID/nightjar-phone');
    expect(() => parsePlist(text.replace('&amp;1', '&1'))).toThrow('not escaped');
    expect(() => parsePlist(text.replace('</array>', ''))).toThrow();
  });

  it('gives Android’s scheduler only what it takes, and a script that it can start', () => {
    const { path, text } = written('t-script');
    expect(text).toMatch(/^#!\/data\/data\/com\.termux\/files\/usr\/bin\/sh\n/);
    expect(text).toMatch(/ backup --expect 24 \\\n/);
    expect(command('t-script')).toMatch(/\nchmod \+x ~\/nightjar-night\.sh$/);
    const [program, ...args] = command('t-job').split(' ');
    const word = { type: 'string' } as const;
    const { values } = parseArgs({
      args,
      options: { 'job-id': word, script: word, 'period-ms': word, charging: word, network: word, persisted: word },
    });
    expect([program, values]).toEqual([
      'termux-job-scheduler',
      {
        'job-id': '1',
        script: path,
        'period-ms': String(6 * 3_600_000),
        charging: 'true',
        network: 'unmetered',
        persisted: 'true',
      },
    ]);
  });

  it('carries no secret and no address: it is the same on every box', () => {
    expect(read('install.html')).not.toMatch(/\d+\.\d+\.\d+\.\d+|\.local:|[0-9a-f]{32}/);
  });
});
