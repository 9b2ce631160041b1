/**
 * What the Nextcloud apps ask beside files: whether the server can be used, how to be let in, who they speak for. Says
 * what the box is in the words that they understand, and in what a person sees goes by its own name.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppCaller } from '../http/caller.ts';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import type { Library } from '../library/library.ts';
import { basicPassword, type Connections, userOf } from '../phones/connections.ts';
import { CodedError } from '../platform/errors.ts';
import type { Uploads } from '../uploads/uploads.ts';
import { nextcloudContract } from './contract.ts';
import { smallBody } from './dav-request.ts';
import { type OcsValue, sendOcs } from './ocs.ts';
import { roomOf } from './room.ts';

export type AccountDeps = Readonly<{
  library: Library;
  connections: Connections;
  transportOf: (request: FastifyRequest) => Transport;
  boxName: () => string;
  /** A person's name. */
  personName: (personId: string) => string;
  /** What a person may use of the disk in all; null: as much as there is. */
  quotaOf: (personId: string) => number | null;
  uploads: Pick<Uploads, 'limits'>;
}>;

/** What is spoken here, by the number of the server that speaks the same: some apps warn below, others hide above. */
const spoken = { major: 32, minor: 0, micro: 5 } as const;
const versionText = `${spoken.major}.${spoken.minor}.${spoken.micro}`;
const product = 'Nightjar';
/** Where a page of the web app lets an app in. */
const loginPage = '/connect';
const pollPath = '/index.php/login/v2/poll';
const formBytesMax = 4 * 1024;
/** "Without limit", as the apps count it: the disk alone has one. */
const noQuota = -3;

export function accountRoutes(deps: AccountDeps): Routes {
  const { connections, transportOf } = deps;
  const serverOf = (request: FastifyRequest) =>
    `${transportOf(request) === 'loopback-http' ? 'http' : 'https'}://${request.headers.host ?? 'localhost'}`;
  const capabilities = async ({ request }: { request: FastifyRequest }, reply: FastifyReply) =>
    sendOcs(request, reply, capabilitiesOf(serverOf(request), deps.boxName()));
  const user = async ({ caller, request }: { caller: AppCaller; request: FastifyRequest }, reply: FastifyReply) =>
    sendOcs(request, reply, await userFacts(deps, caller));
  const namedUser = async (
    input: { caller: AppCaller; params: { user: string }; request: FastifyRequest },
    reply: FastifyReply,
  ) => {
    if (input.params.user === userOf(input.caller.phoneId)) return await user(input, reply);
    throw new CodedError('not-found', 'An app sees the phone that it speaks for, and nobody else.');
  };

  return implement(nextcloudContract, {
    serverStatus: async () => ({
      installed: true,
      maintenance: false,
      needsDbUpgrade: false,
      version: `${versionText}.1`,
      versionstring: versionText,
      edition: '',
      productname: product,
      extendedSupport: false,
    }),

    async connectivity(_input, reply) {
      reply.code(204).send();
    },

    async beginLogin({ request }, reply) {
      const address = request.socket.remoteAddress ?? '';
      const { login, poll } = connections.beginLogin({ userAgent: request.headers['user-agent'], address });
      const server = serverOf(request);
      // In the fragment: it is in no request line, and so in nobody's log.
      const page = `${server}${loginPage}#${login}`;
      sendSecret(reply, { poll: { token: poll, endpoint: `${server}${pollPath}` }, login: page });
    },

    async pollLogin({ request }, reply) {
      const granted = connections.pollLogin(await pollToken(request));
      if (granted === undefined) throw new CodedError('not-found', 'Nobody has let this app in as yet.');
      sendSecret(reply, { server: serverOf(request), loginName: granted.user, appPassword: granted.password });
    },

    async exchangeOnce({ request }, reply) {
      const { authorization = '', 'user-agent': userAgent } = request.headers;
      const { password } = await connections.exchange(basicPassword(authorization) ?? '', userAgent);
      sendOcs(request, reply, { apppassword: password });
    },

    // What it came with is its own already: a second one would live on when the first is ended.
    async appPassword({ request }, reply) {
      sendOcs(request, reply, { apppassword: basicPassword(request.headers.authorization ?? '') ?? '' });
    },

    async endAppPassword({ caller, request }, reply) {
      await connections.endOwn(caller);
      sendOcs(request, reply, []);
    },

    capabilities1: capabilities,
    capabilities2: capabilities,
    user1: user,
    user2: user,
    namedUser1: namedUser,
    namedUser2: namedUser,
  });
}

function sendSecret(reply: FastifyReply, value: object): void {
  reply
    .code(200)
    .header('Cache-Control', 'no-store')
    .header('Content-Type', 'application/json; charset=utf-8')
    .send(JSON.stringify(value));
}

/** One app sends it as a form, the other in its query. */
async function pollToken(request: FastifyRequest): Promise<string> {
  const query = new URLSearchParams(request.raw.url?.split('?', 2)[1] ?? '').get('token');
  if (query !== null) return query;
  return new URLSearchParams((await smallBody(request, formBytesMax)).toString()).get('token') ?? '';
}

function capabilitiesOf(server: string, boxName: string): OcsValue {
  return {
    version: { ...spoken, string: versionText, edition: '', extendedSupport: false },
    capabilities: {
      core: { pollinterval: 60, 'webdav-root': 'remote.php/webdav', 'reference-api': false },
      // Many files in one request are not taken: each is to be safe by itself.
      dav: { chunking: '1.0' },
      files: { bigfilechunking: true, undelete: false, versioning: false, comments: false, blacklisted_files: [] },
      checksums: { supportedTypes: ['SHA1', 'SHA256', 'MD5'], preferredUploadType: 'SHA1' },
      files_sharing: { api_enabled: false, public: { enabled: false }, resharing: false },
      theming: {
        name: `${product} (${boxName})`,
        slogan: 'Keeps the photos of this house',
        url: server,
        color: '#33435c',
        'color-text': '#ffffff',
        'color-element': '#33435c',
      },
    },
  };
}

async function userFacts(deps: AccountDeps, caller: AppCaller): Promise<OcsValue> {
  const id = userOf(caller.phoneId);
  const name = `${deps.personName(caller.personId)}, ${caller.phoneName}`;
  return {
    id,
    enabled: true,
    'display-name': name,
    displayname: name,
    email: null,
    groups: [],
    language: 'en',
    locale: 'en',
    backend: product,
    quota: await quotaFacts(deps, caller.personId),
  };
}

/** Without the disk there is no room, and the app is still let in: it waits better than it begins anew. */
async function quotaFacts({ library, quotaOf, uploads }: AccountDeps, personId: string): Promise<OcsValue> {
  const quota = quotaOf(personId) ?? noQuota;
  if (library.state !== 'ok') return { free: 0, used: 0, total: 0, relative: 0, quota };
  const open = library.current();
  try {
    const room = await roomOf(open, personId, { quotaOf, reserveBytes: uploads.limits.reserveBytes });
    const { freeBytes: free, usedBytes: used } = room;
    const total = used + free;
    return { free, used, total, relative: total === 0 ? 0 : Math.round((used / total) * 10_000) / 100, quota };
  } catch (error) {
    throw await library.failed(open, error);
  }
}
