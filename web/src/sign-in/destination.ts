/** Where somebody was going before they had to sign in: a page of this box, never another site. */
export function destination(to: string | undefined, origin: string): string {
  if (to === undefined || !to.startsWith('/') || !URL.canParse(to, origin)) return '/';
  const url = new URL(to, origin);
  // Browsers read `/\host` and `/<tab>/host` as another host, and `/.//host` becomes one when it is gone to.
  if (url.origin !== origin || url.pathname.startsWith('//') || url.pathname === '/sign-in') return '/';
  return `${url.pathname}${url.search}${url.hash}`;
}
