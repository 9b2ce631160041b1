/** What kind of device this browser is on, as far as a page must know. Guesses from the user agent: only words follow. */
export type System = 'ios' | 'android' | 'computer';

export function systemHere(): System {
  const { userAgent, maxTouchPoints } = navigator;
  if (/Android/.test(userAgent)) return 'android';
  // An iPad says that it is a Mac; no Mac has a touch screen.
  const iPad = /Macintosh/.test(userAgent) && maxTouchPoints > 1;
  return iPad || /iPhone|iPad|iPod/.test(userAgent) ? 'ios' : 'computer';
}

/** “iPhone”, “Pixel 8”, “Mac”: what people would call it. */
export function deviceHere(): string {
  const { userAgent } = navigator;
  const [, kind] = /(iPhone|iPad|iPod)/.exec(userAgent) ?? [];
  if (kind !== undefined) return kind;
  // Newer Android browsers say “K” for every model.
  const [, model] = /Android [\d.]+; ([^;)]+?)(?: Build\/[^;)]*)?[;)]/.exec(userAgent) ?? [];
  if (model !== undefined && model !== 'K') return model;
  if (/Android/.test(userAgent)) return 'Android';
  if (/Macintosh/.test(userAgent)) return navigator.maxTouchPoints > 1 ? 'iPad' : 'Mac';
  return /Windows/.test(userAgent) ? 'Windows' : 'Linux';
}

/** Whether it was opened from the home screen, as an app. */
export function isInstalled(): boolean {
  return (
    matchMedia('(display-mode: standalone)').matches || (navigator as { standalone?: boolean }).standalone === true
  );
}
