/**
 * Large files that come in parts ("chunked upload", version 2): a folder of numbered parts, and a MOVE that gives the
 * whole its name. Each part is appended to one upload as it arrives, so that the MOVE verifies and links and copies
 * nothing. Only whole, durable parts are listed: what of one was interrupted is cut off before the next. A known limit: an
 * app of Android's leaves out a last part of exactly one byte and tells no length, and then nobody here can miss it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkPhonePath } from '../library/placement.ts';
import { userOf } from '../phones/connections.ts';
import { CodedError } from '../platform/errors.ts';
import type { Upload } from '../uploads/upload.ts';
import type { At } from './at.ts';
import type { AppInput, Verbs } from './dav-reply.ts';
import {
  bytesIn,
  checkConditions,
  checksumsIn,
  depthOf,
  hrefOf,
  mtimeOf,
  overwrites,
  refuseBody,
  refusePart,
  smallBody,
  targetBelow,
} from './dav-request.ts';
import type { Files, FilesDeps } from './files.ts';
import {
  type Answered,
  multistatusBegin,
  multistatusEnd,
  ownCloudNamespace,
  responseXml,
  tagOf,
  xmlType,
} from './multistatus.ts';
import { PartLine } from './part-line.ts';
import { endOf, isNext, partName } from './part-name.ts';
import { type PartFolderRow, type PartRow, PartsStore } from './parts-store.ts';
import { entityTag, httpDate } from './properties.ts';
import { type Asked, davNamespace, readPropfind } from './propfind.ts';

export type PartsDeps = FilesDeps & Readonly<{ files: Files; waitMs?: number }>;
/** `/uploads/<user>/<folder>[/<name>]`. */
type Place = Readonly<{ folder: string; name: string | undefined }>;

const folderCharsMax = 255;
/** The largest file in the smallest parts that an app sends, 40 MB. */
const partsMax = 30_000;
/** A part that waits for the one before it. */
const waitMsUsual = 60_000;
const methods = 'OPTIONS, PROPFIND, HEAD, PUT, MKCOL, MOVE, DELETE';
/** The name under which the whole is moved to its place. */
const wholeName = '.file';

export class Parts {
  readonly #deps: PartsDeps;
  readonly #line: PartLine;

  constructor(deps: PartsDeps) {
    this.#deps = deps;
    this.#line = new PartLine({ waitMs: deps.waitMs ?? waitMsUsual });
  }

  get verbs(): Verbs {
    const on = (verb: (at: At, place: Place, input: AppInput, reply: FastifyReply) => Promise<void>) => {
      return async (input: AppInput, reply: FastifyReply) => {
        const target = targetBelow(input.request.raw.url ?? '', uploadsBase(input));
        const place = placeOf(target.path);
        await this.#deps.files.at(input, (at) => verb(at, place, input, reply), target);
      };
    };
    return {
      OPTIONS: async (input, reply) => {
        targetBelow(input.request.raw.url ?? '', uploadsBase(input));
        reply.code(200).header('DAV', '1, 3').header('Allow', methods).header('Content-Length', '0').send();
      },
      PROPFIND: on((at, place, { request }, reply) => this.#list(at, place, request, reply)),
      HEAD: on(async (at, place, _input, reply) => {
        const folder = this.#folder(at, place);
        if (place.name !== undefined && place.name !== wholeName) this.#part(at, folder, place.name);
        reply.code(200).send();
      }),
      MKCOL: on((at, place, { request }, reply) => this.#begin(at, place, request, reply)),
      PUT: on((at, place, { request }, reply) => this.#put(at, place, request, reply)),
      MOVE: on((at, place, { request }, reply) => this.#finish(at, place, request, reply)),
      DELETE: on((at, place, _input, reply) => this.#remove(at, place, reply)),
    };
  }

  async #begin(at: At, { folder, name }: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refuseBody(request);
    const { open, caller } = at;
    const rows = new PartsStore(open.database);
    const known = rows.folder(caller.phoneId, folder);
    if (name !== undefined || known?.state === 'receiving') {
      throw new CodedError('method-not-allowed', 'These parts have begun already. Nothing was changed.');
    }
    const facts = this.#planned(request, at);
    await this.#deps.uploads.begin(caller.phoneId, { door: 'webdav', facts }, async (upload) => {
      await upload.openFile();
      await upload.settle();
      await open.database.write(() => rows.putFolder(caller.phoneId, folder, upload.id, this.#deps.now()));
    });
    reply.code(201).send();
  }

  async #put(at: At, place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refusePart(request);
    const { open, caller } = at;
    const { uploads, now } = this.#deps;
    const { upload_id: id } = this.#folder(at, place);
    const name = place.name ?? '';
    const part = partName(name);
    const rows = new PartsStore(open.database);
    const length = bytesIn(request, 'content-length');
    const isDue = () => isNext(part, rows.lastPart(id));
    const stored = await this.#line.inTurn(id, part.number, isDue, async () => {
      const later = cameAgain(rows, id, part.number, length);
      if (later !== undefined) return later;
      return await uploads.use(caller.phoneId, id, async (upload) => {
        refuseFinished(upload);
        // Once more: what was under way when this one came may be in by now.
        const since = cameAgain(rows, id, part.number, length);
        if (since !== undefined) return since;
        const before = rows.part(id, part.number);
        if (before === undefined && rows.partCount(id) >= partsMax) throw tooManyParts();
        const end = endOf(rows.lastPart(id));
        if (before === undefined && part.begins !== undefined && part.begins !== end) throw anotherPart();
        await upload.openFile();
        // Sent again: its first try was acknowledged, and its app has not heard of it.
        if (before !== undefined) await open.database.write(() => rows.removePart(id, part.number));
        const first = endOf(rows.lastPart(id));
        await upload.truncate(first);
        requireBytes(first, length, uploads.limits.bytesMax);
        await upload.append(first, request.raw);
        await upload.settle();
        const row = { number: part.number, name, first_byte: first, bytes: upload.received - first, at: now() };
        await open.database.write(() => rows.putPart(id, row));
        return row;
      });
    });
    reply.code(201).header('ETag', partTag(stored)).send();
  }

  /** Verifies the whole and gives it its name; the same answer for one that was given it before. */
  async #finish(at: At, place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { open, caller } = at;
    const { files, uploads } = this.#deps;
    if (place.name !== wholeName) throw new CodedError('forbidden', 'A part of a file has no place of its own.');
    const rows = new PartsStore(open.database);
    const folder = rows.folder(caller.phoneId, place.folder);
    if (folder === undefined) throw noParts();
    const to = { ...at, target: files.destination(request, caller) };
    const before = await files.requirePlace(to, request);
    const { path } = to.target;
    const total = bytesIn(request, 'oc-total-length');
    // Where nobody says how long the whole is, it must not be taken for whole too early.
    if (total === undefined && this.#line.isTaken(folder.upload_id)) throw stillComing();
    await uploads.use(caller.phoneId, folder.upload_id, async (upload) => {
      if (upload.finished) return;
      if (before !== undefined && !overwrites(request)) {
        throw new CodedError('precondition-failed', 'There is something of this name already. Nothing was changed.');
      }
      checkConditions(request, before && entityTag(open, caller.phoneId, before));
      await upload.openFile();
      await upload.truncate(endOf(rows.lastPart(upload.id)));
      const facts = { path, mtime: mtimeOf(request), checksums: checksumsIn(request) };
      await upload.finish({ ...facts, ...(total === undefined ? {} : { length: total }) });
      await open.database.write(() => rows.removeParts(upload.id));
    });
    const stored = open.view.at(caller.phoneId, path);
    // Asked again for a whole that has its name: another one is no answer to that.
    const whole = rows.folder(caller.phoneId, place.folder)?.asset_id ?? null;
    if (stored?.kind !== 'file' || stored.assetId !== whole) throw noParts();
    files.answerStored(to, before, request, reply);
  }

  async #remove(at: At, place: Place, reply: FastifyReply): Promise<void> {
    const { open, caller } = at;
    const { upload_id: id } = this.#folder(at, place);
    const rows = new PartsStore(open.database);
    if (place.name === undefined) {
      await this.#deps.uploads.use(caller.phoneId, id, (upload) => upload.abort());
    } else {
      const { number } = this.#part(at, this.#folder(at, place), place.name);
      if (rows.lastPart(id)?.number !== number) {
        throw new CodedError('conflict', 'Other parts came after this one. Nothing was removed; remove them first.');
      }
      await open.database.write(() => rows.removePart(id, number));
    }
    reply.code(204).send();
  }

  async #list(at: At, place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const asked = readPropfind(await smallBody(request));
    const folder = this.#folder(at, place);
    const base = { base: uploadsBase(at), path: place.folder };
    const one = (part: PartRow) =>
      responseXml(hrefOf({ ...base, path: `${place.folder}/${part.name}` }, false), answersOf(asked, part, part.at));
    let text = '';
    if (place.name !== undefined) text = one(this.#part(at, folder, place.name));
    else {
      text = responseXml(hrefOf(base, true), answersOf(asked, undefined, folder.created_at));
      const parts = depthOf(request) === 0 ? [] : new PartsStore(at.open.database).parts(folder.upload_id);
      for (const part of parts) text += one(part);
    }
    reply.code(207).header('Content-Type', xmlType).header('DAV', '1, 3');
    reply.send(Buffer.from(multistatusBegin + text + multistatusEnd));
  }

  /** Some apps say at the beginning where the whole will go: what cannot be kept is refused before it is sent. */
  #planned(request: FastifyRequest, { caller }: At): { path?: string } {
    if (request.headers['destination'] === undefined) return {};
    return { path: this.#deps.files.destination(request, caller).path };
  }

  /** Of parts that still come in. @throws {CodedError} `not-found` */
  #folder({ open, caller }: At, { folder }: Place): PartFolderRow {
    const row = new PartsStore(open.database).folder(caller.phoneId, folder);
    if (row?.state === 'receiving') return row;
    throw noParts();
  }

  #part({ open }: At, folder: PartFolderRow, name: string): PartRow {
    const row = new PartsStore(open.database).part(folder.upload_id, partName(name).number);
    if (row?.name === name) return row;
    throw new CodedError('not-found', 'There is no such part.');
  }
}

function uploadsBase({ caller }: Pick<AppInput, 'caller'>): string {
  return `/remote.php/dav/uploads/${userOf(caller.phoneId)}`;
}

function placeOf(path: string): Place {
  const [folder = '', name, more] = path.split('/');
  if (folder === '' || folder.length > folderCharsMax || more !== undefined) {
    throw new CodedError('not-found', 'There is nothing at this address for this phone.');
  }
  checkPhonePath(folder);
  return { folder, name };
}

/** A part that comes again after later ones; undefined: none did. @throws {CodedError} `conflict` when it is not the same */
function cameAgain(rows: PartsStore, id: string, number: number, length: number | undefined): PartRow | undefined {
  const last = rows.lastPart(id);
  if (last === undefined || last.number <= number) return undefined;
  const part = rows.part(id, number);
  if (part !== undefined && length === part.bytes) return part;
  throw anotherPart();
}

function anotherPart(): CodedError {
  return new CodedError(
    'conflict',
    'This part is not the one that came there, or it came too late. Begin the file anew.',
  );
}

function stillComing(): CodedError {
  return new CodedError('busy', 'Parts of this file are still coming in. What came is kept; ask again in a moment.');
}

function tooManyParts(): CodedError {
  return new CodedError('too-large', `The box takes a file in at most ${partsMax} parts. What came is kept.`);
}

function requireBytes(received: number, length: number | undefined, bytesMax: number): void {
  if (received + (length ?? 0) <= bytesMax) return;
  throw new CodedError('too-large', 'The file is larger than this box takes (1 TiB).');
}

function refuseFinished(upload: Upload): void {
  if (upload.finished) throw new CodedError('conflict', 'This file is whole and safe. No part of it was stored again.');
}

function partTag({ number, bytes }: PartRow): string {
  return `"part-${number}-${bytes}"`;
}

/** Only what was asked for, and what a part has. */
function answersOf(asked: Asked, part: PartRow | undefined, at: number): Answered[] {
  const values = new Map([
    [`${davNamespace} resourcetype`, part === undefined ? '<d:collection/>' : ''],
    [`${davNamespace} getlastmodified`, httpDate(at)],
  ]);
  if (part !== undefined) {
    values.set(`${davNamespace} getcontentlength`, String(part.bytes));
    values.set(`${davNamespace} getcontenttype`, 'application/octet-stream');
    values.set(`${davNamespace} getetag`, partTag(part).replaceAll('"', '&quot;'));
    values.set(`${ownCloudNamespace} size`, String(part.bytes));
  }
  if (asked.kind === 'some') {
    return asked.properties.map((property) => ({
      tag: tagOf(property),
      xml: values.get(`${property.namespace} ${property.name}`),
    }));
  }
  return [...values].map(([key, xml]) => {
    const [namespace = '', name = ''] = key.split(' ');
    return { tag: tagOf({ namespace, name }), xml: asked.kind === 'names' ? '' : xml };
  });
}

function noParts(): CodedError {
  return new CodedError('not-found', 'The box has no parts of this name. Begin anew; nothing that was safe is lost.');
}
