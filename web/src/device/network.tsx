/**
 * Owns the page about networks: where the box is, which Wi-Fi it sees, and joining another. The owner's alone; shown by the
 * app at /settings/network.
 */
import { Cable, CircleCheck, TriangleAlert, Wifi } from 'lucide';
import { useEffect } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { device, network as t } from '../text/en/device.ts';
import { settings } from '../text/en/settings.ts';
import { Icon } from '../ui/icon.tsx';
import { NotHere } from '../ui/not-here.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, Pill, Skeleton } from '../ui/parts.tsx';
import { byCable, type Network } from './view.ts';
import { WifiCard } from './wifi.tsx';
import './device.css';

type Link = Network['links'][number];

const soonMs = 2_000;
const restingMs = 15_000;

export function NetworkPage() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/network', { signal }));
  const soon = answer?.joining != null;
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), soon ? soonMs : restingMs);
    return () => window.clearInterval(timer);
  }, [soon, again]);
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer?.appliance === false && <NotHere text={device.notHereNetwork} />}
      {answer?.appliance === true && (
        <>
          <div class="stack" style={{ '--gap': 'var(--s5)' }}>
            <div class="device-lead">
              <p class="device-verdict">{leadOf(answer)}</p>
              {answer.joining !== null && <p class="second measure">{t.tryingText}</p>}
              {answer.joining !== null && refusal?.code === 'silent' && (
                <p class="second measure">{t.tryingOther(answer.joining.ssid)}</p>
              )}
            </div>
            <LastTry network={answer} />
          </div>
          <div class="device-columns">
            <div>
              {answer.wifi === null ? (
                <section class="card">
                  <p class="second">{t.noWifi}</p>
                </section>
              ) : (
                <WifiCard network={answer} wifi={answer.wifi} put={put} />
              )}
            </div>
            <div>
              <LinksCard links={answer.links} />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

function leadOf(network: Network): string {
  const { joining, wifi } = network;
  if (joining !== null) return t.leadTrying(joining.ssid);
  const joined = wifi?.joined ?? null;
  if (joined === null) return byCable(network) ? t.leadCable : t.leadNone;
  return byCable(network) ? t.leadBoth(joined.ssid) : t.leadWifi(joined.ssid);
}

/** What became of the network that was chosen last: what happened, and what to do. */
function LastTry({ network: { joining, lastJoin } }: { network: Network }) {
  const shown = joining === null ? lastJoin : null;
  return (
    <div role="status">
      {shown !== null && (
        <div class="card device-line">
          <span class={shown.outcome === 'joined' ? 'safe' : 'watch'}>
            <Icon of={shown.outcome === 'joined' ? CircleCheck : TriangleAlert} />
          </span>
          <div class="words">
            <p class="strong">{t.outcome[shown.outcome](shown.ssid, shown.at, boxNow())}</p>
            {shown.why !== null && <p class="second">{t.why[shown.why]}</p>}
          </div>
        </div>
      )}
    </div>
  );
}

function LinksCard({ links }: { links: readonly Link[] }) {
  return (
    <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="links">
      <h2 class="head" id="links">
        {t.links}
      </h2>
      {links.length === 0 && <p class="second">{t.noLinks}</p>}
      <ul class="rows">
        {links.map((link) => (
          <li key={link.name} class="stack" style={{ '--gap': 'var(--s1)' }}>
            <div class="row spread">
              <div class="row">
                <Icon of={link.kind === 'wired' ? Cable : Wifi} />
                <p class="strong">{link.kind === 'wired' ? t.cable : t.wifi}</p>
                <span class="cap mono">{link.name}</span>
              </div>
              <LinkPill link={link} />
            </div>
            {link.up && link.addresses.length === 0 && <p class="second">{t.noAddress}</p>}
            {link.addresses.length > 0 && (
              <p class="mono device-addresses">
                {link.addresses.map((address) => (
                  <span key={address}>{address}</span>
                ))}
              </p>
            )}
            <p class="cap">{t.mac(link.macAddress)}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function LinkPill({ link: { kind, up } }: { link: Link }) {
  const wired = kind === 'wired';
  return (
    <Pill look={up ? 'safe' : 'quiet'} icon={wired ? Cable : Wifi}>
      {up ? (wired ? t.cableUp : t.wifiUp) : wired ? t.cableDown : t.wifiDown}
    </Pill>
  );
}
