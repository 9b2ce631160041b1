/**
 * Registers the service worker that keeps the app's own files (`public/sw.js`), and tells it which are in use. Only where
 * the browser trusts the box: elsewhere there are no service workers.
 */
const reloadedName = 'nightjar.reloaded';
const reloadMsMin = 60_000;

export function keepTheApp(): void {
  addEventListener('vite:preloadError', onMissingFile);
  if (navigator.serviceWorker === undefined || !isSecureContext) return;
  addEventListener('load', () => void register().catch(() => undefined), { once: true });
}

async function register(): Promise<void> {
  await navigator.serviceWorker.register('/sw.js');
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname);
  active?.postMessage({ loaded });
}

/** The box was updated while this page was open, and the room that is wanted next is gone by its old name. */
function onMissingFile(event: Event): void {
  const last = Number(sessionStorage.getItem(reloadedName) ?? 0);
  if (!navigator.onLine || Date.now() - last < reloadMsMin) return;
  sessionStorage.setItem(reloadedName, String(Date.now()));
  event.preventDefault();
  location.reload();
}
