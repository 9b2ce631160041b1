/**
 * What a browser is given, put together: the web app, the few pages that live without it, and the phone client. A part of
 * the composition root, which alone calls it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Routes } from './http/contract.ts';
import { staticPage } from './http/pages.ts';
import { staticFiles } from './http/static-files.ts';
import { webApp } from './http/web-app.ts';
import type { Logger } from './platform/log.ts';

/** Where the web app's one page is served; what it shows there it decides itself. */
const webAppPages = [
  ...['/', '/setup', '/sign-in', '/join', '/pair', '/alerts', '/originals', '/phones/:page/fix'],
  ...['/import', '/export', '/share', '/offbox'],
  ...['photos', 'phones', 'disks', 'nights', 'security', 'settings', 'this-phone', 'connect'].flatMap((room) => [
    `/${room}`,
    `/${room}/:page`,
  ]),
];

/** `root`: the folder that the program lies in. What is not built is said in the log, and the box goes on without it. */
export async function pages(root: string, log: Pick<Logger, 'warn'>): Promise<Routes[]> {
  const routes = await staticFiles(join(root, 'web/static'), { 'install.html': '/install' });
  const app = await webApp(join(root, 'dist/web'), webAppPages);
  if (app === undefined) log.warn('the web app is not built, so the box has no pages: run `make web`');
  else routes.push(app);
  const client = await readFile(join(root, 'dist/nightjar-phone.tgz')).catch(() => undefined);
  if (client !== undefined) return [...routes, staticPage('/nightjar-phone.tgz', 'application/gzip', client)];
  log.warn('the phone client is not built, so the box cannot hand it out');
  return routes;
}
