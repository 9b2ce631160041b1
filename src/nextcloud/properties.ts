/**
 * What is said of a name in a phone's view: its identifiers and its properties, each worked out only where it is asked
 * for. Both identifiers stay over restarts: the id with the name, the entity tag with the content.
 */
import type { OpenLibrary } from '../library/open-library.ts';
import type { Viewed, ViewedFile } from '../library/phone-view.ts';
import { type Answered, escapeXml, nextcloudNamespace, ownCloudNamespace, tagOf } from './multistatus.ts';
import { type Asked, davNamespace, type PropertyName } from './propfind.ts';
import type { Room } from './room.ts';

/** What the properties of one answer share. `user`: the phone's name in addresses. */
export type About = Readonly<{
  open: OpenLibrary;
  phoneId: string;
  user: string;
  ownerName: string;
  room: Room;
}>;

/** As apps keep it: digits, then letters that tell this library's ids from another's. */
export function remoteId(open: OpenLibrary, { id }: Viewed): string {
  return `${String(id).padStart(8, '0')}oc${open.disk.marker.diskId.replaceAll('-', '').slice(0, 10)}`;
}

/** In quotes (RFC 9110, section 8.8.3). A folder's changes with everything in the view. */
export function entityTag(open: OpenLibrary, phoneId: string, it: Viewed): string {
  return it.kind === 'file' ? `"${it.sha256}"` : `"${it.id}-${open.view.version(phoneId)}"`;
}

/** `SHA1:... SHA256:...`, those that the client sent first. */
function checksumsOf({ checksums, sha256 }: ViewedFile): string {
  return checksums === '' ? `SHA256:${sha256}` : `${checksums} SHA256:${sha256}`;
}

export function changedAt(it: Viewed): number {
  return it.kind === 'file' ? it.mtime : it.changedAt;
}

export function httpDate(ms: number): string {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  // What has no form in HTTP (RFC 9110, section 5.6.7) is told as the beginning of time.
  return (year >= 0 && year <= 9999 ? date : new Date(0)).toUTCString();
}

type Teller = (it: Viewed, about: About) => string | undefined;

const ofFile =
  (tell: (file: ViewedFile, about: About) => string): Teller =>
  (it, about) =>
    it.kind === 'file' ? tell(it, about) : undefined;
const ofFolder =
  (tell: (about: About, path: string) => string): Teller =>
  (it, about) =>
    it.kind === 'folder' ? tell(about, it.path) : undefined;
const seconds = (ms: number) => String(Math.floor(ms / 1_000));

const tellers: Readonly<Record<string, Teller>> = {
  [`${davNamespace} displayname`]: ({ path }, { user }) =>
    escapeXml(path === '' ? user : (path.split('/').at(-1) ?? '')),
  [`${davNamespace} getlastmodified`]: (it) => httpDate(changedAt(it)),
  [`${davNamespace} creationdate`]: ofFile(({ addedAt }) => new Date(addedAt).toISOString()),
  [`${davNamespace} getetag`]: (it, { open, phoneId }) => entityTag(open, phoneId, it).replaceAll('"', '&quot;'),
  [`${davNamespace} getcontenttype`]: ofFile(({ mediaType }) => escapeXml(mediaType)),
  [`${davNamespace} getcontentlength`]: ofFile(({ size }) => String(size)),
  [`${davNamespace} resourcetype`]: ({ kind }) => (kind === 'folder' ? '<d:collection/>' : ''),
  [`${davNamespace} quota-available-bytes`]: ofFolder(({ room }) => String(room.freeBytes)),
  [`${davNamespace} quota-used-bytes`]: ofFolder(({ room }) => String(room.usedBytes)),
  [`${ownCloudNamespace} id`]: (it, { open }) => remoteId(open, it),
  [`${ownCloudNamespace} fileid`]: ({ id }) => String(id),
  // Read, rename, move and remove (a name, never an original), write; in a folder also new files and folders.
  [`${ownCloudNamespace} permissions`]: ({ kind }) => (kind === 'folder' ? 'GDNVCK' : 'GDNVW'),
  [`${ownCloudNamespace} size`]: (it, { open, phoneId }) =>
    String(it.kind === 'file' ? it.size : open.view.bytesBelow(phoneId, it.path)),
  [`${ownCloudNamespace} checksums`]: ofFile((file) => `<oc:checksum>${escapeXml(checksumsOf(file))}</oc:checksum>`),
  [`${ownCloudNamespace} owner-id`]: (_, { user }) => user,
  [`${ownCloudNamespace} owner-display-name`]: (_, { ownerName }) => escapeXml(ownerName),
  [`${ownCloudNamespace} favorite`]: () => '0',
  [`${nextcloudNamespace} has-preview`]: (it) => String(it.kind === 'file' && it.isPicture && !it.deleted),
  [`${nextcloudNamespace} creation_time`]: ofFile(({ capturedAt }) => seconds(capturedAt)),
  [`${nextcloudNamespace} upload_time`]: ofFile(({ addedAt }) => seconds(addedAt)),
};

const allNames: readonly PropertyName[] = Object.keys(tellers).map((key) => {
  const [namespace = '', name = ''] = key.split(' ');
  return { namespace, name };
});
/** What "all" means (RFC 4918, section 9.1): the properties that WebDAV itself defines. */
const davNames = allNames.filter(({ namespace }) => namespace === davNamespace);

/** Only what was asked for: to say more, even a name, confuses apps that list what they have sent. */
export function answerer(asked: Asked): (it: Viewed, about: About) => Answered[] {
  const properties = asked.kind === 'some' ? asked.properties : asked.kind === 'all' ? davNames : allNames;
  const tellings = properties.map((property) => ({
    tag: tagOf(property),
    tell: tellers[`${property.namespace} ${property.name}`],
  }));
  if (asked.kind === 'some') {
    return (it, about) => tellings.map(({ tag, tell }) => ({ tag, xml: tell?.(it, about) }));
  }
  return (it, about) =>
    tellings.flatMap(({ tag, tell }): Answered[] => {
      const xml = tell?.(it, about);
      return xml === undefined ? [] : [{ tag, xml: asked.kind === 'names' ? '' : xml }];
    });
}
