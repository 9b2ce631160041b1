import { FolderSync, Globe, Images, Smartphone, Terminal } from 'lucide';
import { useRoute } from 'preact-iso';
import { systemHere } from '../ask/system.ts';
import { connect as t } from '../text/en/connect.ts';
import { type GuideName, guides } from '../text/en/connect-guides.ts';
import { Alone } from '../ui/alone.tsx';
import type { IconNode } from '../ui/icon.tsx';
import { Way } from '../ui/way.tsx';
import { backTo, Strangers } from './strangers.tsx';
import { useConnectors } from './use-connectors.ts';

const icons: Readonly<Record<GuideName, IconNode>> = {
  'nextcloud-android': Smartphone,
  'nextcloud-ios': Smartphone,
  photosync: Images,
  foldersync: FolderSync,
  webdav: Globe,
  termux: Terminal,
};
/** What this device cannot run comes last. */
const orders: Readonly<Record<ReturnType<typeof systemHere>, readonly GuideName[]>> = {
  android: ['nextcloud-android', 'foldersync', 'photosync', 'termux', 'webdav', 'nextcloud-ios'],
  ios: ['nextcloud-ios', 'photosync', 'webdav', 'nextcloud-android', 'foldersync', 'termux'],
  computer: ['nextcloud-android', 'nextcloud-ios', 'photosync', 'foldersync', 'webdav', 'termux'],
};

/** Which app is it to be? */
export function Apps() {
  const who = useConnectors();
  const { query } = useRoute();
  const phone = query['phone'];
  const asked = phone === undefined ? '' : `?phone=${encodeURIComponent(phone)}`;
  return (
    <Alone title={t.chooseTitle} back={backTo(phone)}>
      <p class="second measure">{t.chooseText}</p>
      {who.is === 'none' ? (
        <Strangers />
      ) : (
        <ul class="card ways" aria-label={t.chooseList}>
          {orders[systemHere()].map((name) => (
            <Way
              key={name}
              href={`/connect/${name}${asked}`}
              icon={icons[name]}
              title={guides[name].name}
              text={guides[name].text}
            />
          ))}
        </ul>
      )}
      <p class="cap">{t.notNextcloud}</p>
    </Alone>
  );
}
