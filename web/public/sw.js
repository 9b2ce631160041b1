// Keeps what the app itself consists of, so that it opens away from home and says so. Never keeps an answer of the box or
// a picture: those are asked for by the page itself, and pass by here untouched.
const shell = 'shell-1';
const page = '/';
/** Unversioned files without which the page would wait for the network before its first paint. */
const atOnce = ['/theme.js', '/favicon.svg'];
/** Away from home the box's address may be nobody's, and a connection to it hangs. */
const answerMsMax = 4_000;
const filesMax = 200;

addEventListener('install', (event) => {
  event.waitUntil(renew().then(() => skipWaiting()));
});

addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== shell) await caches.delete(name);
      await clients.claim();
    })(),
  );
});

/** The page tells what it has loaded: its files are in the browser's cache at that moment. */
addEventListener('message', (event) => {
  const { loaded } = event.data ?? {};
  if (!Array.isArray(loaded)) return;
  event.waitUntil(keep(loaded.slice(0, filesMax).filter((path) => isAsset(path))));
});

addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (isAsset(pathname) || atOnce.includes(pathname)) event.respondWith(kept(event, pathname));
  else if (request.mode === 'navigate' && isPage(pathname)) event.respondWith(opened(event));
});

const isAsset = (path) => /^\/assets\/[\w.-]+$/.test(path);
/** What the app answers at; downloads, documents and whatever has a file's name are the browser's own affair. */
const isPage = (path) => !/^\/(api|static|assets|install)(\/|$)|\.\w+$/.test(path);

/** From the network in time, else the page as it was last kept. */
async function opened(event) {
  const fresh = fetch(event.request);
  event.waitUntil(fresh.then(follow).catch(() => undefined));
  const late = new Promise((_, reject) => setTimeout(reject, answerMsMax));
  try {
    return await Promise.race([fresh, late]);
  } catch {
    return (await find(page)) ?? fresh;
  }
}

/** Another version of the box: its page, and what that needs, take the place of all that was kept. */
async function follow(reply) {
  const before = (await find(page))?.headers.get('etag');
  if (reply.ok && before !== reply.headers.get('etag')) await renew();
}

/** Of a file whose name says its content the kept one is right; the others are looked for anew, for the next time. */
async function kept(event, path) {
  const found = await find(path);
  const asset = isAsset(path);
  if (found !== undefined && asset) return found;
  const asking = fetch(event.request).then(async (reply) => {
    if (reply.ok) await (await caches.open(shell)).put(path, reply.clone());
    return reply;
  });
  if (found === undefined) return asking;
  event.waitUntil(asking.catch(() => undefined));
  return found;
}

/** Loads the page and what it names; what belonged to another version goes. */
async function renew() {
  const reply = await fetch(page, { cache: 'no-cache' });
  if (!reply.ok) throw new Error(`The page was answered with ${reply.status}.`);
  const html = await reply.clone().text();
  const named = [...html.matchAll(/(?:src|href)="(\/assets\/[\w.-]+)"/g)].map(([, path]) => path);
  // First all of the new, then nothing of the old: whoever leaves home meanwhile still has an app that is whole.
  await keep([...named, ...atOnce]);
  const cache = await caches.open(shell);
  const before = await (await cache.match(page))?.text();
  await cache.put(page, reply);
  if (before === undefined || before === html) return;
  const current = new Set([page, ...named, ...atOnce]);
  for (const request of await cache.keys()) {
    if (!current.has(new URL(request.url).pathname)) await cache.delete(request);
  }
}

async function keep(paths) {
  const cache = await caches.open(shell);
  for (const path of paths) {
    if (await cache.match(path, { ignoreVary: true })) continue;
    const reply = await fetch(path).catch(() => undefined);
    if (reply?.ok) await cache.put(path, reply);
  }
}

async function find(path) {
  return await (await caches.open(shell)).match(path, { ignoreVary: true });
}
