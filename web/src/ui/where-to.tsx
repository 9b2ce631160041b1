import { House, TriangleAlert } from 'lucide';
import type { ReplyOf } from '../ask/ask.ts';
import { channels as t } from '../text/en/channels.ts';
import { Icon } from './icon.tsx';

export type Channels = ReplyOf<'GET /api/channels'>;

/** Plainly, before anything is sent: whether it leaves the house. */
export function WhereTo({ host, clear = false }: { host: string; clear?: boolean }) {
  if (host === '') return null;
  const home = isAtHome(host);
  return (
    <div class={home ? 'channel-note stays' : 'channel-note'}>
      <Icon of={home ? House : TriangleAlert} />
      <p>
        {home ? t.stays : t.leaves(host)} {clear && t.clear}
      </p>
    </div>
  );
}

/**
 * Names and addresses that no network outside knows: RFC 6762 (.local), RFC 8375 (.home.arpa), RFC 1918, RFC 3927,
 * RFC 4193, RFC 4291 (link-local).
 */
function isAtHome(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (/^(localhost|[^.:]+)$/.test(name) || /\.(local|lan|home\.arpa|internal)$/.test(name)) return true;
  if (/^(10|127)\.\d+\.\d+\.\d+$|^192\.168\.\d+\.\d+$|^169\.254\.\d+\.\d+$/.test(name)) return true;
  if (/^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/.test(name)) return true;
  return name === '::1' || /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/.test(name);
}
