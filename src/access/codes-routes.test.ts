import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ask, jsonBody } from '../../test/support/asking.ts';
import { anna, bert, FactorBox, halfway } from '../../test/support/factor-box.ts';
import type { Caller } from '../http/caller.ts';
import { HttpServer } from '../http/server.ts';
import { createLog } from '../platform/log.ts';
import { codesRoutes } from './codes-routes.ts';
import { RecoveryKey } from './recovery-key.ts';

const callers: Record<string, Caller> = {
  anna,
  bert,
  'second-factor': halfway('second-factor'),
  enrol: halfway('enrol'),
  phone: { kind: 'phone', phoneId: 'p', personId: 'anna', phoneName: 'Pixel' },
};

/** The real server with these routes alone; who asks is in the header. */
class Served extends FactorBox {
  readonly logged: string[] = [];
  #server: HttpServer | undefined;
  #port = 0;

  async open(): Promise<void> {
    this.#server = new HttpServer({
      routes: [
        codesRoutes({
          oneTimeCodes: this.codes,
          recoveryCodes: this.recovery,
          recoveryKey: new RecoveryKey({
            ...this.options,
            randomBytes,
            stateDir: this.dir,
            deriveKey: async (password) => Buffer.alloc(32, password),
            passwordCost: { memoryKiB: 8, passes: 1, parallelism: 1 },
            proveOwnerPassword: async () => () => undefined,
          }),
          now: this.now,
        }),
      ],
      identify: (request) => callers[request.headers.authorization ?? ''] ?? { kind: 'nobody' },
      allowHost: () => false,
      log: createLog({ level: 'debug', destination: { write: (line) => void this.logged.push(line) } }),
      loopbackHttp: true,
    });
    this.#port = await this.#server.listenHttp(0, '127.0.0.1');
  }

  /** Status and JSON of the answer. */
  async ask(who: string, method: string, path: string, value?: unknown) {
    const json = value === undefined ? { headers: {} } : jsonBody(value);
    const headers = { ...json.headers, authorization: who };
    const answer = await ask({ port: this.#port, method, path, ...json, headers });
    return { status: answer.status, body: answer.text === '' ? {} : answer.json(), headers: answer.headers };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
    await super[Symbol.asyncDispose]();
  }
}

test('an authenticator is begun, confirmed, renamed and removed over HTTP, and its secret is told once', async () => {
  await using box = new Served();
  await box.open();
  const begun = await box.ask('anna', 'POST', '/api/authenticators', { name: 'Phone' });
  expect([begun.status, begun.headers['cache-control']]).toEqual([201, 'no-store']);
  expect(begun.body.qrSvg).toMatch(/^<svg /);
  const id = String(begun.body.id);
  const far = await box.ask('anna', 'POST', `/api/authenticators/${id}/confirm`, {
    code: box.codeNow(box.secretOf(id), 6),
  });
  expect([far.status, far.body]).toMatchObject([401, { code: 'wrong-code', stepsAway: 6, boxTime: box.clock.ms }]);
  const code = box.codeNow(box.secretOf(id));
  const confirmed = await box.ask('anna', 'POST', `/api/authenticators/${id}/confirm`, { code });
  expect([confirmed.status, confirmed.body.recoveryCodes]).toEqual([200, expect.objectContaining({ length: 10 })]);
  expect((await box.ask('anna', 'GET', '/api/recovery-codes')).body).toEqual({ left: 10 });
  expect((await box.ask('anna', 'POST', '/api/recovery-codes')).body.codes).toHaveLength(10);

  const renamed = await box.ask('anna', 'PATCH', `/api/authenticators/${id}`, { name: 'Tablet' });
  expect([renamed.status, renamed.body.name]).toEqual([200, 'Tablet']);
  expect((await box.ask('bert', 'DELETE', `/api/authenticators/${id}`)).status).toBe(404);
  const { body } = await box.ask('anna', 'GET', '/api/authenticators');
  expect(body).toEqual({
    authenticators: [{ id, name: 'Tablet', createdAt: box.clock.ms, confirmed: true, lastUsedAt: box.clock.ms }],
    boxTime: box.clock.ms,
  });
  expect((await box.ask('anna', 'DELETE', `/api/authenticators/${id}`)).status).toBe(204);
  const key = String(begun.body.textKey).replaceAll(' ', '');
  expect(box.logged.length).toBeGreaterThan(0);
  for (const secret of [key, code]) expect(box.logged.join('')).not.toContain(secret);
});

test('a sign-in that owes its second factor brings none of its own, and a phone and a stranger have no say', async () => {
  await using box = new Served();
  await box.open();
  const refused = await box.ask('second-factor', 'POST', '/api/authenticators', { name: 'Mine' });
  expect([refused.status, refused.body.code]).toEqual([403, 'sign-in-incomplete']);
  expect((await box.ask('enrol', 'POST', '/api/authenticators', { name: 'Mine' })).status).toBe(201);
  for (const who of ['phone', 'nobody', 'enrol', 'second-factor']) {
    for (const [method, path] of [
      ['GET', '/api/authenticators'],
      ['DELETE', '/api/authenticators/x'],
      ['GET', '/api/recovery-codes'],
      ['POST', '/api/recovery-codes'],
      ['GET', '/api/recovery-key'],
    ] as const) {
      expect([401, 403], `${who} ${method} ${path}`).toContain((await box.ask(who, method, path)).status);
    }
  }
  expect(box.count('recovery_code')).toBe(0);
});

test('the owner makes a recovery key and is told it once; a member may not', async () => {
  await using box = new Served();
  await box.open();
  expect((await box.ask('anna', 'GET', '/api/recovery-key')).body).toEqual({ recoveryKey: null });
  expect((await box.ask('bert', 'POST', '/api/recovery-key', { password: 'x' })).status).toBe(403);
  const made = await box.ask('anna', 'POST', '/api/recovery-key', { password: 'a password of hers' });
  expect([made.status, made.body.recoveryKey]).toEqual([201, expect.stringMatching(/^(.{4}-){7}.{4}$/)]);
  const { body } = await box.ask('anna', 'GET', '/api/recovery-key');
  expect(body).toMatchObject({ recoveryKey: { madeAt: box.clock.ms, opensByPassword: true } });
  expect(JSON.stringify(body)).not.toContain(made.body.recoveryKey);
  expect(box.logged.join('')).not.toContain(made.body.recoveryKey);
});
