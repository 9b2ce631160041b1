/**
 * The folders above a phone's files, for apps that are given the door's address alone and look for the rest: each holds
 * the next one on the way, and nothing can be put there.
 */
import { userOf } from '../phones/connections.ts';
import type { AppInput, Verbs } from './dav-reply.ts';
import { depthOf, smallBody } from './dav-request.ts';
import { type Answered, multistatusBegin, multistatusEnd, responseXml, tagOf, xmlType } from './multistatus.ts';
import { type Asked, davNamespace, readPropfind } from './propfind.ts';

export const topPaths = [
  '/remote.php/dav',
  '/remote.php/dav/',
  '/remote.php/dav/files',
  '/remote.php/dav/files/',
] as const;

const resourceType = { namespace: davNamespace, name: 'resourcetype' } as const;
const collection = '<d:collection/>';

export const topVerbs: Verbs = {
  OPTIONS: async (_input, reply) => {
    reply
      .code(200)
      .header('DAV', '1, 3')
      .header('Allow', 'OPTIONS, PROPFIND, HEAD')
      .header('Content-Length', '0')
      .send();
  },
  HEAD: async (_input, reply) => {
    reply.code(200).send();
  },
  PROPFIND: async (input, reply) => {
    const asked = readPropfind(await smallBody(input.request));
    const chain = [
      '/remote.php/dav/',
      '/remote.php/dav/files/',
      `/remote.php/dav/files/${userOf(input.caller.phoneId)}/`,
    ];
    const here = isFilesTop(input) ? 1 : 0;
    const shown = chain.slice(here, here + 1 + depthOf(input.request));
    const text = shown.map((href) => responseXml(href, answers(asked))).join('');
    reply.code(207).header('Content-Type', xmlType).header('DAV', '1, 3');
    reply.send(Buffer.from(multistatusBegin + text + multistatusEnd));
  },
};

function isFilesTop({ request }: AppInput): boolean {
  return request.raw.url?.split('?', 1)[0]?.startsWith('/remote.php/dav/files') === true;
}

function answers(asked: Asked): Answered[] {
  const properties = asked.kind === 'some' ? asked.properties : [resourceType];
  return properties.map((property) => {
    const known = property.namespace === davNamespace && property.name === resourceType.name;
    return { tag: tagOf(property), xml: known ? (asked.kind === 'names' ? '' : collection) : undefined };
  });
}
