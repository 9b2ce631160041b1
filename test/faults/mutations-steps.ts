/** What a hostile, broken or merely strange client may ask for: fast-check's recipes for single requests. */
import fc from 'fast-check';
import { badNames, headerNames, headerValues, names, otherValues, text } from './mutations-values.ts';
import type { Framing, Header } from './mutations-wire.ts';

/** `which` of the open uploads, `share` of its missing bytes; `overshoot`: so many bytes more than are missing. */
export type Step =
  | Readonly<{ kind: 'create'; length: number; share: number; facts: readonly Fact[]; wire: Mutation }>
  | Readonly<{ kind: 'append'; which: number; share: number; overshoot: number; shift: number; wire: Mutation }>
  | Readonly<{ kind: 'ask'; which: number; wire: Mutation }>
  | Readonly<{ kind: 'abort'; which: number; wire: Mutation }>
  | Readonly<{ kind: 'options'; wire: Mutation }>
  | Readonly<{ kind: 'api'; method: string; target: string; body: string; wire: Mutation }>
  | Readonly<{ kind: 'garbage'; bytes: Uint8Array }>;

/** One pair of Upload-Metadata: the bytes of its value, or text that is no base64. */
export type Fact = Readonly<{ key: string; value: Uint8Array; encoded?: string }>;

export type Mutation = Readonly<{
  method?: string;
  /** Instead of the upload's own address. */
  target?: string;
  /** Instead of the phone's own credential. */
  credential?: 'none' | 'other-phone' | 'other-person' | 'made-up';
  changes: ReadonlyArray<
    Readonly<{ change: 'drop'; name: string }> | Readonly<{ change: 'set' | 'add'; name: string; value: string }>
  >;
  framing: Framing;
}>;

export const untouched: Mutation = { changes: [], framing: 'exact' };

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom(...badNames) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map(text) },
);
const plainName = fc
  .tuple(
    fc.constantFrom('DCIM', 'Download', 'WhatsApp/Media', 'a/b/c'),
    fc.nat(1e6),
    fc.constantFrom('jpg', 'txt', 'heic', 'AAE', 'bin'),
  )
  .map(([folder, number, extension]) => [{ key: 'path', value: text(`${folder}/${number}.${extension}`) }]);
const hostileFact: fc.Arbitrary<Fact> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ key: fc.constantFrom('path', 'filename'), value: name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      key: fc.constantFrom('mtime', 'sha256', 'key', 'pair', 'filetype', 'path ', 'PATH', '\xe9', ''),
      value: fc.constantFrom(...otherValues),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      key: fc.constantFrom('path', 'mtime', 'x'),
      value: fc.constant(text('')),
      encoded: fc.constantFrom('!', 'YQ', 'YQ===', '====', 'Y Q==', '\xff', 'YQ==;', '-_-_'),
    }),
  },
);
const hostileFacts = fc.oneof(
  { weight: 3, arbitrary: fc.array(hostileFact, { minLength: 1, maxLength: 4 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(plainName, fc.array(hostileFact, { minLength: 1, maxLength: 2 }))
      .map(([plain, more]) => [...plain, ...more]),
  },
);

const change = fc.oneof(
  { weight: 2, arbitrary: fc.record({ change: fc.constant('drop' as const), name: fc.constantFrom(...headerNames) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      change: fc.constantFrom('set' as const, 'add' as const),
      name: fc.constantFrom(...headerNames),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...headerValues) },
        { weight: 1, arbitrary: fc.string({ maxLength: 30 }).map(printable) },
      ),
    }),
  },
);
const framing = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Framing>('exact') },
  { weight: 3, arbitrary: fc.constant<Framing>('chunked') },
  { weight: 2, arbitrary: fc.constantFrom<Framing>('cut', 'torn', 'announced-short', 'bad-chunks', 'silent') },
);
const rarely = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number) =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const method = fc.constantFrom('PUT', 'GET', 'TRACE', 'CONNECT', 'PROPFIND', 'patch', 'POST', 'HEAD', 'PATCH', 'X');
const strangeTarget = fc.constantFrom(
  '/api/uploads/',
  `/api/uploads/${'0'.repeat(32)}`,
  '/api/uploads/..%2f..',
  '/api/uploads/%00',
  '/api/uploads/%',
  '*',
  '//evil/x',
  'http://evil/api/uploads',
  `/api/uploads/${'a'.repeat(6_000)}`,
  '/api/uploads?x=1',
);
const credential = fc.constantFrom(
  'none' as const,
  'other-phone' as const,
  'other-person' as const,
  'made-up' as const,
);
const wire: fc.Arbitrary<Mutation> = fc
  .record({
    method: rarely(method, 16),
    target: rarely(strangeTarget, 20),
    credential: rarely(credential, 12),
    changes: fc.array(change, { maxLength: 2 }),
    framing,
  })
  .map(({ method, target, credential, changes, framing }) => ({
    ...(method === undefined ? {} : { method }),
    ...(target === undefined ? {} : { target }),
    ...(credential === undefined ? {} : { credential }),
    changes,
    framing,
  }));

const length = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2) },
  { weight: 5, arbitrary: fc.integer({ min: 3, max: 6_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 6_000, max: 300_000 }) },
);
const share = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100),
);
const which = fc.nat(7);

const create = (facts: fc.Arbitrary<Fact[]>, how: fc.Arbitrary<Mutation>) =>
  fc.record({ kind: fc.constant('create' as const), length, share, facts, wire: how });
const append = (it: { share?: number; overshoot: number[]; shift: number[] }, how: fc.Arbitrary<Mutation>) =>
  fc.record({
    kind: fc.constant('append' as const),
    which,
    share: it.share === undefined ? share : fc.constant(it.share),
    overshoot: fc.constantFrom(...it.overshoot),
    shift: fc.constantFrom(...it.shift),
    wire: how,
  });
const stranger: fc.Arbitrary<Mutation> = credential.map((one) => ({ ...untouched, credential: one }));
const wrongChecksum: Fact = { key: 'sha256', value: text('0'.repeat(64)) };
const plain = fc.constantFrom<Mutation>(untouched, { ...untouched, framing: 'chunked' });

/** A request with something wrong, or that may be right by chance. */
export const mutatedStep: fc.Arbitrary<Step> = fc.oneof(
  // One thing wrong, and nothing else: what has to be refused for that alone.
  {
    weight: 3,
    arbitrary: create(
      fc.record({ key: fc.constantFrom('path', 'filename'), value: name }).map((fact) => [fact]),
      plain,
    ),
  },
  { weight: 3, arbitrary: append({ overshoot: [0], shift: [-1, 1, -100, 100, 1e9] }, plain) },
  { weight: 2, arbitrary: append({ share: 1, overshoot: [1, 2, 1_000, 100_000], shift: [0] }, plain) },
  {
    weight: 2,
    arbitrary: create(
      plainName.map((facts) => [...facts, wrongChecksum]),
      plain,
    ),
  },
  { weight: 1, arbitrary: append({ overshoot: [0], shift: [0] }, stranger) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('ask' as const, 'abort' as const), which, wire: stranger }),
  },
  // Much wrong, or nothing.
  { weight: 2, arbitrary: create(hostileFacts, plain) },
  { weight: 4, arbitrary: create(plainName, wire) },
  { weight: 5, arbitrary: append({ overshoot: [0, 0, 0, 1, 1_000], shift: [0, 0, 0, -1, 1] }, wire) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask' as const), which, wire }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which, wire }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('options' as const), wire }) },
  { weight: 3, arbitrary: apiStep() },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 400 }),
    }),
  },
);

/** A request that has to succeed. */
export const validStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: create(plainName, fc.constant(untouched)) },
  { weight: 5, arbitrary: append({ overshoot: [0], shift: [0] }, fc.constant(untouched)) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), which, wire: fc.constant(untouched) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which, wire: fc.constant(untouched) }) },
);

function apiStep(): fc.Arbitrary<Step> {
  const item = fc.record({
    path: fc.oneof(
      name.map((bytes) => Buffer.from(bytes).toString()),
      fc.string({ unit: 'binary' }),
      fc.anything(),
    ),
    key: fc.oneof(fc.constant(undefined), fc.string(), fc.constant('k'.repeat(600))),
    size: fc.oneof(fc.nat(), fc.constantFrom(-1, 1.5, 2 ** 53, 1e300, '1', null)),
    mtime: fc.oneof(fc.constantFrom(null, 1_700_000_000_000, -1, 8.64e15 + 1, 2 ** 63, '0'), fc.integer()),
    sha256: fc.oneof(fc.constant(undefined), fc.constantFrom('0'.repeat(64), 'A'.repeat(64), 'x', 5)),
  });
  const broken = fc.oneof(
    fc.json(),
    fc.constantFrom(
      '',
      '{',
      '[]',
      'null',
      '"x"',
      `{"items":${'['.repeat(5_000)}`,
      '{"items":[],"items":1}',
      '{"__proto__":{"x":1},"items":[]}',
      '\ud800',
      `{"startedAt":1e999}`,
    ),
  );
  const check = fc.array(item, { maxLength: 5 }).map((items) => JSON.stringify({ items }) ?? '');
  const query = fc.constantFrom(
    '',
    '?limit=1',
    '?limit=0',
    '?limit=1e3',
    '?limit=-1',
    '?limit=99999999999',
    '?cursor=',
    '?cursor=%00%ff',
    '?cursor=MC4w',
    '?cursor=OTk5OTk5OTk5OTk5OTk5OS45',
    '?limit=1&limit=2',
    '?name=IMG',
    '?name=a%00b%22',
    '?month=2024-02&direction=newer',
    '?from=2024-02-31',
    '?phone=00000000-0000-0000-0000-000000000000&kind=photo',
    '?x[]=1',
    `?cursor=${'A'.repeat(3_000)}`,
    '?%',
    '?limit',
  );
  const id = fc.constantFrom(
    '1',
    '2',
    '3',
    '0',
    '-1',
    '1e3',
    '99999999999999999999',
    'x',
    '%2e%2e',
    '1%00',
    '01',
    '1/2',
  );
  const request = fc.oneof(
    fc.tuple(fc.constant('POST'), fc.constant('/api/phone/items/check'), fc.oneof(check, check, broken)),
    fc.tuple(
      fc.constant('POST'),
      fc.constant('/api/phone/inventory/finish'),
      fc.oneof(
        fc.constantFrom(
          '{"startedAt":0}',
          '{"startedAt":1.5}',
          '{"startedAt":9007199254740993}',
          '{"startedAt":-1}',
          '{"startedAt":"1"}',
        ),
        broken,
      ),
    ),
    fc.tuple(
      fc.constantFrom('GET', 'HEAD'),
      fc
        .tuple(fc.constantFrom('/api/timeline', '/api/timeline/months', '/api/assets', '/api/search'), query)
        .map((parts) => parts.join('')),
      fc.constant(''),
    ),
    fc.tuple(
      fc.constant('GET'),
      query.map((one) => `/api/phone/items${one}`),
      fc.constant(''),
    ),
    fc.tuple(fc.constant('GET'), fc.constant('/api/phone/status'), fc.constant('')),
    fc.tuple(
      fc.constantFrom('GET', 'HEAD'),
      id.map((one) => `/api/assets/${one}/original`),
      fc.constantFrom('', 'x'),
    ),
  );
  return fc
    .tuple(request, wire)
    .map(([[method, target, body], wire]) => ({ kind: 'api' as const, method, target, body, wire }));
}

/** A header value may hold any byte but those that end it. */
function printable(value: string): string {
  return Buffer.from(value)
    .toString('latin1')
    .replaceAll(/[\r\n\0]/g, '.');
}

export function metadataOf(facts: readonly Fact[]): string {
  return facts.map(({ key, value, encoded }) => `${key} ${encoded ?? Buffer.from(value).toString('base64')}`).join(',');
}

/** Applies the changes to what would have been right. */
export function mutate(headers: readonly Header[], changes: Mutation['changes']): Header[] {
  let all = [...headers];
  for (const one of changes) {
    if (one.change !== 'add') all = all.filter(([name]) => name.toLowerCase() !== one.name.toLowerCase());
    if (one.change !== 'drop') all.push([one.name, one.value]);
  }
  return all;
}

/** A step as one line for a person: long texts cut, bytes as text. */
export function describeStep(step: Step): string {
  return JSON.stringify(step, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1').slice(0, 80);
    return typeof value === 'string' && value.length > 80 ? `${value.slice(0, 80)}... (${value.length})` : value;
  });
}
