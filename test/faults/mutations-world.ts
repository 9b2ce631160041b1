/**
 * A daemon under strange requests, and a model of what it acknowledged. Every answer is held against the model at once,
 * and every upload is asked for its offset after each request that could have touched it.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../support/daemon.ts';
import { Asker, type AskingPhones } from './mutations-asker.ts';
import {
  Broken,
  bringsWrongChecksum,
  conveyedBy,
  idOf,
  leadsAway,
  type Model,
  note,
  pathOf,
  touches,
  wrongInCatalogue,
} from './mutations-model.ts';
import { type Mutation, metadataOf, type Step, untouched } from './mutations-steps.ts';
import { type Header, isOdd, type WireAnswer, type WireRequest } from './mutations-wire.ts';

const openMax = 8;

export class World {
  readonly #daemon: Daemon;
  readonly #asker: Asker;
  #uploads: Model[] = [];
  #finished: Model[] = [];
  #bytesMade = 0;

  constructor(daemon: Daemon, phones: AskingPhones) {
    this.#daemon = daemon;
    this.#asker = new Asker(daemon, phones);
  }

  /** How many requests had each answer. */
  get statuses(): ReadonlyMap<number, number> {
    return this.#asker.statuses;
  }

  /** @throws {Broken} */
  async step(step: Step, mustSucceed: boolean): Promise<void> {
    switch (step.kind) {
      case 'create':
        return await this.#create(step, mustSucceed);
      case 'append':
        return await this.#append(step, mustSucceed);
      case 'ask':
      case 'abort':
        return await this.#askOrAbort(step, mustSucceed);
      case 'options':
        await this.#send({ method: 'OPTIONS', target: '/api/uploads', headers: [], body: Buffer.alloc(0) }, step.wire);
        return;
      case 'api': {
        const headers: Header[] = step.body === '' ? [] : [['Content-Type', 'application/json']];
        await this.#send(
          { method: step.method, target: step.target, headers, body: Buffer.from(step.body) },
          step.wire,
        );
        return;
      }
      case 'garbage':
        return await this.#asker.sendGarbage(step.bytes);
    }
  }

  /** Ends every upload that is open, by finishing or by aborting it, and says what is in the catalogue but not as sent. */
  async end(): Promise<string[]> {
    const wrong: string[] = [];
    for (const upload of [...this.#uploads]) {
      await this.#sync(upload, Buffer.alloc(0));
      if (upload.state !== 'open') continue;
      const size = statSync(join(this.#daemon.diskDir, '.nightjar/incoming', idOf(upload))).size;
      if (size < upload.offset) wrong.push(`reported ${upload.offset} bytes, and ${size} are in the file`);
    }
    for (const [index] of this.#uploads.entries()) {
      const kind = index % 2 === 0 ? 'append' : 'abort';
      await this.step({ kind, which: 0, share: 1, overshoot: 0, shift: 0, wire: untouched } as Step, true);
    }
    wrong.push(...wrongInCatalogue(this.#daemon.diskDir, this.#finished));
    await this.#asker.abortAll();
    this.#uploads = [];
    this.#finished = [];
    return wrong;
  }

  async #create(step: Extract<Step, { kind: 'create' }>, mustSucceed: boolean): Promise<void> {
    if (mustSucceed && this.#uploads.length >= openMax) {
      return await this.#append({ kind: 'append', which: 0, share: 1, overshoot: 0, shift: 0, wire: untouched }, true);
    }
    const body = this.#bytes(Math.ceil(step.share * step.length));
    const headers: Header[] = [
      ['Tus-Resumable', '1.0.0'],
      ['Upload-Length', String(step.length)],
      ['Upload-Metadata', metadataOf(step.facts)],
      ...(body.length === 0 ? [] : [['Content-Type', 'application/offset+octet-stream'] as const]),
    ];
    const { answer, request } = await this.#send(
      { method: 'POST', target: '/api/uploads', headers, body },
      step.wire,
      false,
    );
    const emptyPicture = step.length === 0 && /\.(jpg|heic)$/.test(pathOf(step.facts) ?? '');
    if (mustSucceed && answer.status !== (emptyPicture ? 410 : 201)) {
      throw new Broken(`a right creation was answered ${answer.status} ${answer.body}`);
    }
    if (answer.status === 201) await this.#created(step, request, answer, mustSucceed);
  }

  async #created(
    { facts, length, wire }: Extract<Step, { kind: 'create' }>,
    request: WireRequest,
    answer: WireAnswer,
    mustSucceed: boolean,
  ): Promise<void> {
    const factsTouched = touches(wire, 'upload-metadata');
    const path = pathOf(facts);
    if (!factsTouched && leadsAway(path)) throw new Broken(`a file of this name was begun: ${JSON.stringify(path)}`);
    if (wire.credential !== undefined && !touches(wire, 'authorization')) {
      // Another phone's own upload is right; only whose it is was mutated.
      if (wire.credential === 'none' || wire.credential === 'made-up') throw new Broken('a stranger began an upload');
      return;
    }
    const upload = await this.#adopt(answer);
    if (upload === undefined) return;
    upload.checksumWrong = !factsTouched && bringsWrongChecksum(facts);
    upload.mayEnd = factsTouched || upload.checksumWrong;
    if (!touches(wire, 'upload-length') && upload.length !== length) {
      throw new Broken(`an upload of ${length} bytes was begun with ${upload.length}`);
    }
    const told = Number(answer.headers.get('upload-offset'));
    await this.#sync(upload, conveyedBy(request));
    if (told !== upload.offset) throw new Broken(`the creation said offset ${told}, and HEAD says ${upload.offset}`);
    if (mustSucceed && told !== request.body.length) {
      throw new Broken(`${request.body.length} bytes were sent, ${told} were taken`);
    }
  }

  async #append(step: Extract<Step, { kind: 'append' }>, mustSucceed: boolean): Promise<void> {
    const upload = this.#pick(step.which, mustSucceed);
    if (upload === undefined) return;
    const missing = upload.length - upload.offset;
    const body = this.#bytes(Math.ceil(step.share * missing) + step.overshoot);
    const headers: Header[] = [
      ['Tus-Resumable', '1.0.0'],
      ['Upload-Offset', String(upload.offset + step.shift)],
      ['Content-Type', 'application/offset+octet-stream'],
    ];
    const { answer, request } = await this.#send(
      { method: 'PATCH', target: upload.location, headers, body },
      step.wire,
    );
    if (isDone(answer) && request.method === 'PATCH' && request.target === upload.location) {
      await this.#appended(upload, request, answer, step.wire);
    } else if (mustSucceed && !(answer.status === 410 && upload.mayEnd)) {
      throw new Broken(`a right PATCH was answered ${answer.status} ${answer.body}`);
    } else {
      await this.#sync(upload, conveyedBy(request));
    }
  }

  async #appended(upload: Model, request: WireRequest, answer: WireAnswer, wire: Mutation): Promise<void> {
    const before = upload.offset;
    const missing = upload.length - before;
    const conveyed = conveyedBy(request);
    if (isForeign(wire)) throw new Broken('a stranger appended');
    const offsets = request.headers
      .filter(([name]) => name.toLowerCase() === 'upload-offset')
      .map(([, value]) => value.trim());
    if (offsets.length !== 1 || Number(offsets[0]) !== before || !/^\d+$/.test(offsets[0] ?? '')) {
      throw new Broken(`bytes for offset "${offsets}" were taken at offset ${before}`);
    }
    if (conveyed !== undefined && conveyed.length > missing) {
      throw new Broken(`${conveyed.length} bytes were taken where ${missing} were missing`);
    }
    await this.#sync(upload, conveyed);
    const told = Number(answer.headers.get('upload-offset'));
    if (told !== upload.offset) throw new Broken(`PATCH said offset ${told}, and HEAD says ${upload.offset}`);
    const whole = conveyed !== undefined && (request.framing === 'exact' || request.framing === 'chunked');
    if (whole && told !== before + conveyed.length) {
      throw new Broken(`${conveyed.length} bytes were sent from ${before}, and ${told} are there`);
    }
  }

  async #askOrAbort(step: Extract<Step, { kind: 'ask' | 'abort' }>, mustSucceed: boolean): Promise<void> {
    const upload = this.#pick(step.which, mustSucceed || step.kind === 'abort');
    if (upload === undefined) return;
    const method = step.kind === 'ask' ? 'HEAD' : 'DELETE';
    const headers: Header[] = [['Tus-Resumable', '1.0.0']];
    const { answer, request } = await this.#send(
      { method, target: upload.location, headers, body: Buffer.alloc(0) },
      step.wire,
    );
    const done = isDone(answer) && request.target === upload.location;
    if (mustSucceed && !done) throw new Broken(`a right ${method} was answered ${answer.status} ${answer.body}`);
    if (done && isForeign(step.wire)) throw new Broken(`a stranger's ${request.method} was answered ${answer.status}`);
    if (request.method === 'DELETE') {
      if (!done && isOdd(request)) upload.mayEnd = true;
      if (done) return await this.#ended(upload);
    }
    await this.#sync(upload, request.method === 'PATCH' ? undefined : Buffer.alloc(0));
  }

  async #ended(upload: Model): Promise<void> {
    this.#forget(upload);
    const { status } = await this.#asker.offset(upload.location);
    if (status !== 404 && status !== 410) throw new Broken(`an ended upload answers ${status}`);
  }

  #forget(upload: Model): void {
    upload.state = 'ended';
    this.#uploads = this.#uploads.filter((one) => one !== upload);
  }

  /** Asks for the offset, and holds it against what the box said before and what was sent since. */
  async #sync(upload: Model, conveyed: Buffer | undefined): Promise<void> {
    const before = upload.offset;
    const answer = await this.#asker.offset(upload.location);
    if (answer.status === 404 || answer.status === 410) {
      if (!upload.mayEnd) throw new Broken(`an upload is gone that nobody ended: ${answer.status}`);
      this.#forget(upload);
      return;
    }
    const now = Number(answer.headers.get('upload-offset'));
    if (!(now >= before)) throw new Broken(`the offset went from ${before} back to ${now}`);
    if (now > upload.length) throw new Broken(`offset ${now} of ${upload.length}`);
    const done = now === upload.length && (upload.length > 0 || answer.headers.get('upload-expires') === undefined);
    if (now > before) note(upload, before, now, conveyed);
    else if (conveyed !== undefined && now === upload.length - 1 && conveyed.length > now - before) {
      // The last byte is there but not reported while the file is not finished.
      upload.lastBytes.add(conveyed[now - before] ?? 0);
    }
    upload.offset = now;
    if (!done || upload.state !== 'open') return;
    if (upload.checksumWrong) throw new Broken('a file with a wrong checksum was acknowledged');
    upload.state = 'finished';
    this.#uploads = this.#uploads.filter((one) => one !== upload);
    this.#finished.push(upload);
  }

  async #send(
    it: Omit<WireRequest, 'framing'>,
    wire: Mutation,
    adopts = true,
  ): Promise<{ answer: WireAnswer; request: WireRequest }> {
    const sent = await this.#asker.send(it, wire);
    // A request that was changed into a creation made something too.
    const creates = adopts && sent.answer.status === 201 && wire.credential === undefined;
    const made = creates ? await this.#adopt(sent.answer) : undefined;
    if (made !== undefined) made.unclear = true;
    return sent;
  }

  async #adopt(answer: WireAnswer): Promise<Model | undefined> {
    const location = answer.headers.get('location');
    if (location === undefined) return undefined;
    if (!/^\/api\/uploads\/[0-9a-f]{32}$/.test(location)) throw new Broken(`an upload is at ${location}`);
    const upload: Model = {
      location,
      length: 0,
      offset: 0,
      content: Buffer.alloc(0),
      lastBytes: new Set(),
      unclear: false,
      mayEnd: false,
      checksumWrong: false,
      state: 'open',
    };
    const asked = await this.#asker.offset(upload.location);
    if (asked.status !== 200) throw new Broken(`what was begun answers ${asked.status}`);
    upload.length = Number(asked.headers.get('upload-length'));
    upload.content = Buffer.alloc(upload.length);
    this.#uploads.push(upload);
    return upload;
  }

  /** An open upload; or, for a request that need not succeed, one of the last that were finished. */
  #pick(which: number, openOnly: boolean): Model | undefined {
    const pool = openOnly ? this.#uploads : [...this.#uploads, ...this.#finished.slice(-2)];
    return pool[which % Math.max(1, pool.length)];
  }

  /** Different wherever they are taken, so that bytes at a wrong place are seen. */
  #bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at++) bytes[at] = Math.imul(this.#bytesMade + at + 1, 2654435761) >>> 24;
    this.#bytesMade += size;
    return bytes;
  }
}

function isDone({ status }: WireAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Whether somebody else asks, as far as the request itself was left to say it. */
function isForeign(wire: Mutation): boolean {
  return wire.credential !== undefined && !touches(wire, 'authorization');
}
