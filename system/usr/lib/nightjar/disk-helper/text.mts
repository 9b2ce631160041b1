/** Texts that a disk, or a program that read a disk, put in our way: bounded, and without anything that is not shown. */

// Controls, what turns the direction of writing, what has no width, and halves of characters.
const unshown = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|\p{Cs}/gu;

export function cleanText(text: string, charactersMax = 64): string {
  const shown = [...text.slice(0, charactersMax * 4).replace(unshown, '\uFFFD')];
  return shown.slice(0, charactersMax).join('').trim();
}

/** The end of what a program said, its lines kept. */
export function lastWords(said: string, charactersMax: number): string {
  const lines = said.slice(-charactersMax).split('\n');
  return lines
    .map((line) => cleanText(line, 200))
    .join('\n')
    .slice(-charactersMax);
}

const depthMax = 12;

/** smartctl's JSON, all of its texts and names cleaned. What is deeper than any report of it is left out. */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value, 256);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= depthMax) return null;
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [cleanText(name), cleanJson(item, depth + 1)]));
}
