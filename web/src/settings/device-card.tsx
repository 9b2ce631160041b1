import { ChevronRight, CircleArrowUp, type IconNode, Network, Power, SquareTerminal } from 'lucide';
import { device as t } from '../text/en/device.ts';
import { Icon } from '../ui/icon.tsx';

const ways: readonly Readonly<{ href: string; icon: IconNode; words: { title: string; text: string } }>[] = [
  { href: '/settings/network', icon: Network, words: t.ways.network },
  { href: '/settings/updates', icon: CircleArrowUp, words: t.ways.updates },
  { href: '/settings/machine', icon: Power, words: t.ways.machine },
  { href: '/settings/remote-shell', icon: SquareTerminal, words: t.ways.remoteShell },
];

/** The ways to what the box does with its own device; where it has none, why they are not there. */
export function DeviceCard({ appliance }: { appliance: boolean }) {
  return (
    <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="device">
      <h2 class="head" id="device">
        {t.card}
      </h2>
      {!appliance && <p class="second">{t.notHereCard}</p>}
      {appliance && (
        <ul class="rows settings-ways">
          {ways.map(({ href, icon, words }) => (
            <li key={href}>
              <Icon of={icon} />
              <div>
                <a href={href}>{words.title}</a>
                <p class="cap">{words.text}</p>
              </div>
              <Icon of={ChevronRight} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
