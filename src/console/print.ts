/** How the console shows things: tables, sizes, times. Pure. */

/** Columns as wide as their widest cell, two spaces apart. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)).join('  ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}

/** `21 Nov 2026, 21:44` in the terminal's own zone. */
export function moment(ms: number | null): string {
  if (ms === null) return 'never';
  return new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** `14:31`, minutes and seconds; never less than none. */
export function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Four by four, in lines of 32: the form in which people compare fingerprints. */
export function grouped(fingerprint: string): string[] {
  const groups = fingerprint.match(/.{1,4}/g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < groups.length; at += 8) lines.push(groups.slice(at, at + 8).join(' '));
  return lines;
}

/** `1.5 GB`; decimal units, as disks are sold. */
export function amount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A JSON value as `name: value` lines, nested names joined by spaces. For facts whose list may grow. */
export function facts(value: unknown, name = ''): string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => facts(item, `${name} ${index + 1}`.trim()));
  if (typeof value === 'object') {
    return Object.entries(value).flatMap(([key, inner]) => facts(inner, `${name} ${words(key)}`.trim()));
  }
  const isSize = typeof value === 'number' && name.endsWith(' bytes');
  const shown = typeof value === 'boolean' ? (value ? 'yes' : 'no') : isSize ? amount(value) : String(value);
  return [`${isSize ? name.slice(0, -' bytes'.length) : name}: ${shown}`];
}

function words(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}
