/**
 * Answers a PROPFIND: one name, or a folder with what is directly in it, however many names those are. They are read
 * and written some hundreds at a time, so that a long list neither fills the memory nor holds everybody up.
 */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Viewed } from '../library/phone-view.ts';
import type { At } from './at.ts';
import { hrefOf } from './dav-request.ts';

import { multistatusBegin, multistatusEnd, responseXml, xmlType } from './multistatus.ts';
import { type About, answerer } from './properties.ts';
import type { Asked } from './propfind.ts';

const pageRows = 500;
const pieceChars = 512 * 1024;

type Listing = Readonly<{ asked: Asked; found: Viewed; at: At; depth: 0 | 1; about: About }>;

export async function sendListing(reply: FastifyReply, listing: Listing): Promise<void> {
  reply.code(207).header('Content-Type', xmlType).header('DAV', '1, 3');
  const { found, depth } = listing;
  const entry = entryOf(listing);
  if (depth === 0 || found.kind === 'file') {
    reply.send(Buffer.from(multistatusBegin + entry(found) + multistatusEnd));
    return;
  }
  reply.send(Readable.from(pages(listing, entry), { objectMode: true, highWaterMark: 1 }));
}

async function* pages({ found, at }: Listing, entry: (it: Viewed) => string): AsyncGenerator<Buffer> {
  const { view } = at.open;
  let text = multistatusBegin + entry(found);
  let after = 0;
  for (;;) {
    const children = view.children(at.caller.phoneId, found.path, after, pageRows);
    for (const child of children) {
      text += entry(child);
      // Who asks for many long properties is answered in as many pieces.
      if (text.length < pieceChars) continue;
      yield Buffer.from(text);
      text = '';
      await setImmediate();
    }
    const last = children.at(-1);
    if (last === undefined || children.length < pageRows) break;
    after = last.id;
    yield Buffer.from(text);
    text = '';
    await setImmediate();
  }
  yield Buffer.from(text + multistatusEnd);
}

function entryOf({ asked, at, about }: Listing): (it: Viewed) => string {
  const answers = answerer(asked);
  return (it) => responseXml(hrefOf({ base: at.target.base, path: it.path }, it.kind === 'folder'), answers(it, about));
}
