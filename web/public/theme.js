// Before the first paint, so that nobody who chose dark sees a flash of light: pages may hold no inline script.
(() => {
  const [, theme] = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie) ?? [];
  if (theme !== undefined) document.documentElement.dataset.theme = theme;
})();
