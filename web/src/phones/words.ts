import { phones as t } from '../text/en/phones.ts';

/** What speaks for a phone, as people call it. */
export function clientWords({
  client,
  clientVersion,
}: {
  client: string | null;
  clientVersion: string | null;
}): string {
  if (client === null) return t.notTold;
  return client === 'web-page' ? t.page : t.kind(client, clientVersion);
}
