/** Which of two versions is the older one (Semantic Versioning 2.0.0, section 11); what is no version is not. */
export function isOlder(one: string, other: string): boolean {
  const [a, b] = [partsOf(one), partsOf(other)];
  if (a === undefined || b === undefined) return false;
  for (const [index, number] of a.numbers.entries()) {
    const against = b.numbers[index] ?? 0;
    if (number !== against) return number < against;
  }
  // Before a version come those that lead to it.
  if (a.before === '' || b.before === '') return a.before !== '' && b.before === '';
  return a.before.localeCompare(b.before, 'en', { numeric: true }) < 0;
}

/** Whether anybody can say which of two is the older one. */
export function areVersions(...all: readonly string[]): boolean {
  return all.every((one) => partsOf(one) !== undefined);
}

function partsOf(version: string): { numbers: number[]; before: string } | undefined {
  const found = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+.*)?$/.exec(version);
  if (found === null) return undefined;
  return { numbers: found.slice(1, 4).map(Number), before: found[4] ?? '' };
}
