/**
 * The files of a phone's view over WebDAV (RFC 4918): translates its verbs to the view's names and to the append store.
 * A phone only adds: replacing a file gives its name to another content, removing and moving change names, and no verb
 * here touches an original.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import { openOriginal, sendOriginal } from '../library/originals.ts';
import type { Viewed, ViewedFile } from '../library/phone-view.ts';
import { checkPhonePath, parentOf } from '../library/placement.ts';
import { userOf } from '../phones/connections.ts';
import { CodedError } from '../platform/errors.ts';
import type { Uploads } from '../uploads/uploads.ts';
import { type At, there } from './at.ts';
import type { AppInput, Verbs } from './dav-reply.ts';
import {
  bytesIn,
  checkConditions,
  checksumsIn,
  depthOf,
  destinationUrl,
  mtimeOf,
  overwrites,
  refuseBody,
  refusePart,
  smallBody,
  type Target,
  targetBelow,
} from './dav-request.ts';
import { sendListing } from './listing.ts';
import { type About, changedAt, entityTag, httpDate, remoteId } from './properties.ts';
import { readPropfind } from './propfind.ts';
import { roomOf } from './room.ts';

export type FilesDeps = Readonly<{
  library: Library;
  uploads: Uploads;
  now: () => number;
  personName: (personId: string) => string;
  /** What a person may use of the disk in all; null: as much as there is. */
  quotaOf: (personId: string) => number | null;
}>;

const methods = 'OPTIONS, PROPFIND, HEAD, GET, PUT, MKCOL, MOVE, COPY, DELETE';

export class Files {
  readonly #deps: FilesDeps;

  constructor(deps: FilesDeps) {
    this.#deps = deps;
  }

  get verbs(): Verbs {
    return {
      OPTIONS: async ({ caller, request }, reply) => {
        targetBelow(request.raw.url ?? '', filesBase(request.raw.url ?? '', caller));
        reply.code(200).header('DAV', '1, 3').header('Allow', methods).header('Content-Length', '0').send();
      },
      PROPFIND: async (input, reply) => {
        const asked = readPropfind(await smallBody(input.request));
        await this.at(input, async (at) => {
          const found = there(at);
          await sendListing(reply, { asked, found, at, depth: depthOf(input.request), about: await this.about(at) });
        });
      },
      HEAD: async (input, reply) => this.at(input, async (at) => this.#head(at, reply)),
      GET: async (input, reply) => this.at(input, async (at) => this.#get(at, reply)),
      PUT: async (input, reply) => this.at(input, async (at) => this.#put(at, input.request, reply)),
      MKCOL: async (input, reply) => this.at(input, async (at) => this.#makeFolder(at, input.request, reply)),
      MOVE: async (input, reply) => this.at(input, async (at) => this.#move(at, input.request, reply)),
      COPY: async (input, reply) => this.at(input, async (at) => this.#copy(at, input.request, reply)),
      DELETE: async (input, reply) =>
        this.at(input, async ({ open, caller, target }) => {
          requireName(target);
          await open.view.hide(caller.phoneId, target.path);
          reply.code(204).send();
        }),
    };
  }

  /**
   * Runs `work` on the library as it is now, and on `target`: by default where the request points among the files.
   * @throws {CodedError} `disk-missing`, and whatever `work` throws.
   */
  async at<T>({ caller, request }: AppInput, work: (at: At) => Promise<T>, elsewhere?: Target): Promise<T> {
    const url = request.raw.url ?? '';
    const target = elsewhere ?? targetBelow(url, filesBase(url, caller));
    const open = this.#deps.library.current();
    try {
      await open.view.prepare(caller.phoneId, this.#deps.now());
      return await work({ open, caller, target });
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  async about({ open, caller }: At): Promise<About> {
    const { phoneId, personId } = caller;
    const { personName, quotaOf, uploads } = this.#deps;
    const room = await roomOf(open, personId, { quotaOf, reserveBytes: uploads.limits.reserveBytes });
    return { open, phoneId, user: userOf(phoneId), ownerName: personName(personId), room };
  }

  /** Where a `Destination` points: a name below the top of the same view. */
  destination(request: FastifyRequest, caller: AppCaller): Target {
    const url = destinationUrl(request);
    const target = targetBelow(url, filesBase(url, caller));
    requireName(target);
    checkPhonePath(target.path);
    return target;
  }

  /** Makes sure that a name can be put there. @throws {CodedError} `conflict`, `method-not-allowed` */
  async requirePlace({ open, caller, target }: At, request: FastifyRequest): Promise<Viewed | undefined> {
    requireName(target);
    checkPhonePath(target.path);
    const { view } = open;
    const found = view.at(caller.phoneId, target.path);
    if (found?.kind === 'folder') throw new CodedError('method-not-allowed', 'A folder is there. Nothing was stored.');
    const parent = parentOf(target.path);
    if (view.at(caller.phoneId, parent)?.kind === 'folder') return found;
    if (request.headers['x-nc-webdav-auto-mkcol'] !== '1') {
      throw new CodedError('conflict', 'There is no such folder to put it in. Nothing was stored; make it first.');
    }
    await view.makeFolders(caller.phoneId, parent, this.#deps.now());
    return found;
  }

  /** Says that a file is safe under its name: only after everything of it is durable. */
  answerStored(at: At, before: Viewed | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const stored = at.open.view.at(at.caller.phoneId, at.target.path);
    if (stored === undefined) {
      throw new CodedError('busy', 'The file arrived, but its name changed meanwhile. Send it again in a moment.');
    }
    identify(at, stored, reply);
    if (mtimeOf(request) !== null) reply.header('X-OC-MTime', 'accepted');
    reply.code(before === undefined ? 201 : 204).send();
  }

  #head(at: At, reply: FastifyReply): void {
    const found = there(at);
    identify(at, found, reply).header('Last-Modified', httpDate(changedAt(found)));
    if (found.kind === 'file') {
      reply.header('Content-Type', found.mediaType).header('Content-Length', String(found.size));
      reply.header('Accept-Ranges', 'bytes');
    }
    reply.code(200).send();
  }

  async #get(at: At, reply: FastifyReply): Promise<void> {
    const found = there(at);
    if (found.kind === 'folder') {
      throw new CodedError(
        'method-not-allowed',
        'This is a folder for backup apps. Open the box’s own page to look at it.',
      );
    }
    if (found.deleted) throw new CodedError('gone', 'Its owner deleted this on the box. It is not sent again either.');
    const original = await openOriginal(at.open, at.caller.personId, found.assetId);
    identify(at, found, reply);
    await sendOriginal(original, reply, { withBody: true });
  }

  async #put(at: At, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refusePart(request);
    const before = await this.requirePlace(at, request);
    const { open, caller, target } = at;
    checkConditions(request, before && entityTag(open, caller.phoneId, before));
    const total = bytesIn(request, 'oc-total-length');
    const length = bytesIn(request, 'content-length') ?? total;
    const facts = { path: target.path, mtime: mtimeOf(request) };
    const begun = { door: 'webdav', facts, ...(length === undefined ? {} : { length }) };
    await this.#deps.uploads.begin(caller.phoneId, begun, async (upload) => {
      await upload.openFile();
      await upload.append(0, request.raw);
      await upload.finish({ checksums: checksumsIn(request), ...(total === undefined ? {} : { length: total }) });
    });
    this.answerStored(at, before, request, reply);
  }

  async #makeFolder(at: At, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { open, caller, target } = at;
    refuseBody(request);
    if (target.path === '') throw new CodedError('method-not-allowed', 'This folder is always there.');
    checkPhonePath(target.path);
    await open.view.makeFolder(caller.phoneId, target.path, this.#deps.now());
    identify(at, there(at), reply).code(201).send();
  }

  async #move(at: At, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { open, caller, target } = at;
    requireName(target);
    const to = this.destination(request, caller);
    const { replaced } = await open.view.move(caller.phoneId, target.path, to.path, overwrites(request));
    const moved = { ...at, target: to };
    identify(moved, there(moved), reply)
      .code(replaced ? 204 : 201)
      .send();
  }

  async #copy(at: At, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { open, caller, target } = at;
    if (there(at).kind === 'folder') {
      throw new CodedError('forbidden', 'Whole folders are not copied here. Nothing was copied; copy the files.');
    }
    const to = this.destination(request, caller);
    const put = ({ size, mtime, assetId }: ViewedFile) => {
      const named = { path: to.path, parent: parentOf(to.path), key: null, size, mtime, seenAt: this.#deps.now() };
      open.items.putSafe({ phoneId: caller.phoneId, ...named }, assetId);
    };
    const overwrite = overwrites(request);
    const { replaced } = await open.view.copy(caller.phoneId, target.path, to.path, { overwrite, put });
    const copied = { ...at, target: to };
    identify(copied, there(copied), reply)
      .code(replaced ? 204 : 201)
      .send();
  }
}

/** The top of the caller's files, by whichever of its two addresses was used. */
function filesBase(url: string, caller: AppCaller): string {
  return /^\/remote\.php\/+webdav(\/|\?|$)/.test(url)
    ? '/remote.php/webdav'
    : `/remote.php/dav/files/${userOf(caller.phoneId)}`;
}

function identify({ open, caller }: At, it: Viewed, reply: FastifyReply): FastifyReply {
  const etag = entityTag(open, caller.phoneId, it);
  return reply.header('ETag', etag).header('OC-ETag', etag).header('OC-FileId', remoteId(open, it));
}

function requireName({ path }: Target): void {
  if (path !== '') return;
  throw new CodedError('forbidden', 'The phone’s whole folder stays where it is. Nothing was changed.');
}
