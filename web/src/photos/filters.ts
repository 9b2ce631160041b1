/** What of the timeline is asked for, and its form in the page's address. Pure. */

export type Kind = 'photo' | 'video';
export type Filter = Readonly<{
  phone?: string;
  kind?: Kind;
  /** Days (`yyyy-mm-dd`), both included. */
  from?: string;
  to?: string;
  /** A part of the name. */
  name?: string;
}>;

const day = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const phoneId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Of an address that anybody may have written: what makes no sense is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const { phone, kind, from, to, name } = query;
  return {
    ...(phone !== undefined && phoneId.test(phone) ? { phone } : {}),
    ...(kind === 'photo' || kind === 'video' ? { kind } : {}),
    ...(from !== undefined && day.test(from) ? { from } : {}),
    ...(to !== undefined && day.test(to) ? { to } : {}),
    ...(name ? { name: name.slice(0, 255) } : {}),
  };
}

/** `/photos`, `/photos/7`, each with its filter. */
export function addressOf(filter: Filter, id?: number): string {
  const query = new URLSearchParams(Object.entries(filter)).toString();
  return `/photos${id === undefined ? '' : `/${id}`}${query === '' ? '' : `?${query}`}`;
}

export function isFiltered(filter: Filter): boolean {
  return Object.keys(filter).length > 0;
}

/** First and last day of a month that the filter lets through; undefined: none. */
export function daysOf(month: string, { from = '', to = '9999' }: Filter): { from: string; to: string } | undefined {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const last = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const [first, end] = [`${month}-01`, `${month}-${String(last).padStart(2, '0')}`];
  const days = { from: from > first ? from : first, to: to < end ? to : end };
  return days.from > days.to ? undefined : days;
}
