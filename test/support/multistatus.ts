/** Reads WebDAV's answers by their literal prefixes, with the first `propstat` before all others, as the iOS app does. */

export type Told = Readonly<{ href: string; found: Record<string, string>; missing: string[] }>;

export function readMultistatus(text: string): Told[] {
  return [...text.matchAll(/<d:response>(.*?)<\/d:response>/gs)].map(([, response = '']) => {
    const [, href = ''] = /<d:href>(.*?)<\/d:href>/.exec(response) ?? [];
    const stats = [...response.matchAll(/<d:propstat>(.*?)<\/d:propstat>/gs)].map(([, stat = '']) => stat);
    const ok = stats[0]?.includes('200 OK') === true ? stats[0] : '';
    const lost = stats.find((stat) => stat.includes('404 Not Found')) ?? '';
    const found: Record<string, string> = {};
    const inner = /<d:prop>(.*)<\/d:prop>/s.exec(ok)?.[1] ?? '';
    for (const [, name = '', value = ''] of inner.matchAll(/<((?:d|oc|nc):[\w-]+)(?:\/>|>(.*?)<\/\1>)/gs)) {
      found[name] = unescaped(value);
    }
    const missing = [...lost.matchAll(/<([\w:-]+)[^>]*\/>/g)].map(([, name = '']) => name);
    return { href: unescaped(href), found, missing };
  });
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
