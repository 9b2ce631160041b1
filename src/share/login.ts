/** By what name somebody signs in to the share, which is their share's too: as every system takes it. */

const charactersMax = 20;
const suffixMax = 1_000;
/** What smbd means something else by. */
const reserved = new Set(['box', 'nobody', 'people', 'global', 'homes', 'printers', 'ipc', 'admin', 'root', 'guest']);

/** The folder's letters, a-z, 0-9 and dashes; with a number where somebody else has that name. */
export function loginFor(folder: string, taken: ReadonlySet<string>): string {
  const plain = folder
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, charactersMax)
    .replace(/^-+|-+$/g, '');
  const base = plain === '' || reserved.has(plain) ? `${plain}-photos`.replace(/^-/, '') : plain;
  for (let suffix = 1; suffix < suffixMax; suffix += 1) {
    const login = suffix === 1 ? base : `${base}-${suffix}`;
    const clashes = taken.has(login) || taken.has(`${login}-files`) || taken.has(login.replace(/-files$/, ''));
    if (!clashes) return login;
  }
  return `${base}-${taken.size + suffixMax}`;
}

/** Where what is neither picture nor video is. */
export function filesShareOf(login: string): string {
  return `${login}-files`;
}
