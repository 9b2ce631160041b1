import { Check, Wifi, WifiHigh, WifiLow, WifiOff } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { network as t } from '../text/en/device.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { EmptyState, Pill, RefusalNote } from '../ui/parts.tsx';
import { countryName } from './countries.ts';
import { JoinDialog, type Wanted } from './join.tsx';
import { byCable, type Network } from './view.ts';

type WifiView = NonNullable<Network['wifi']>;
type Seen = WifiView['seen'][number];
type Strength = keyof typeof t.strength;
type CardProps = Readonly<{ network: Network; wifi: WifiView; put: (network: Network) => void }>;

const icons: Readonly<Record<Strength, IconNode>> = { strong: Wifi, fair: WifiHigh, weak: WifiLow };
/** Below: the next word. */
const strongDbmMin = -60;
const fairDbmMin = -75;
const lookMsMax = 120_000;

/** What is in the air, and the ways in and out. */
export function WifiCard({ network, wifi, put }: CardProps) {
  const { seen, joined, known, country } = wifi;
  const [wanted, setWanted] = useState<Wanted>();
  const [forgetting, setForgetting] = useState(false);
  const trying = network.joining !== null;
  const looking = useDoing(async () => {
    const next = await ask('POST /api/network/look', { waitMs: lookMsMax });
    put(next);
    say(t.looked(next.wifi?.seen.length ?? 0));
  });
  // A box that nobody asked yet has not looked around.
  const { run } = looking;
  const none = seen.length === 0;
  useEffect(() => {
    if (none && !trying) void run();
  }, []);
  return (
    <section class="card stack" aria-labelledby="wifi">
      <div class="row spread device-head">
        <div>
          <h2 class="head" id="wifi">
            {t.seen}
          </h2>
          <p class="cap">{t.seenText(country === null ? null : countryName(country))}</p>
        </div>
        <Button look="secondary" busy={looking.busy} disabled={trying} onClick={() => void run()}>
          {t.look}
        </Button>
      </div>
      <RefusalNote refusal={looking.refusal} />
      {none && !looking.busy && (
        <EmptyState icon={WifiOff} title={t.seenNone}>
          {t.seenNoneText}
        </EmptyState>
      )}
      <ul class="rows">
        {seen.map((one) => (
          <SeenRow
            key={one.ssid}
            seen={one}
            joined={joined?.ssid === one.ssid}
            known={known.includes(one.ssid)}
            disabled={trying}
            onJoin={() => setWanted({ ssid: one.ssid, security: one.security })}
          />
        ))}
      </ul>
      <div class="buttons device-ends">
        <Button look="quiet" disabled={trying} onClick={() => setWanted({ ssid: '', security: undefined })}>
          {t.other}
        </Button>
        {known.length > 0 && (
          <Button look="warn" disabled={trying} onClick={() => setForgetting(true)}>
            {t.forget}
          </Button>
        )}
      </div>
      <JoinDialog wanted={wanted} network={network} put={put} onClose={() => setWanted(undefined)} />
      <ForgetDialog {...{ network, known, put }} open={forgetting} onClose={() => setForgetting(false)} />
    </section>
  );
}

type RowProps = Readonly<{ seen: Seen; joined: boolean; known: boolean; disabled: boolean; onJoin: () => void }>;

function SeenRow({ seen: { ssid, signalDbm, security }, joined, known, disabled, onJoin }: RowProps) {
  const strength = strengthOf(signalDbm);
  const about = t.about(t.strength[strength], known && !joined ? t.known : t.security[security]);
  return (
    <li class="device-line">
      <Icon of={icons[strength]} />
      <div class="words">
        <p class="strong">{ssid}</p>
        <p class="cap">{about}</p>
      </div>
      {joined && (
        <Pill look="safe" icon={Check}>
          {t.here}
        </Pill>
      )}
      {!joined && security !== 'unsupported' && (
        <Button look="secondary" label={t.joinThis(ssid)} disabled={disabled} onClick={onJoin}>
          {t.join}
        </Button>
      )}
    </li>
  );
}

function strengthOf(dbm: number): Strength {
  if (dbm >= strongDbmMin) return 'strong';
  return dbm >= fairDbmMin ? 'fair' : 'weak';
}

type ForgetProps = Readonly<{
  network: Network;
  known: readonly string[];
  put: (network: Network) => void;
  open: boolean;
  onClose: () => void;
}>;

function ForgetDialog({ network, known, put, open, onClose }: ForgetProps) {
  const { busy, refusal, run, clear } = useDoing(async () => {
    put(await confirmFirst(() => ask('DELETE /api/network/wifi', { waitMs: lookMsMax })));
    say(t.forgot);
    onClose();
  });
  const close = () => {
    clear();
    onClose();
  };
  return (
    <Dialog title={t.forgetTitle} open={open} onClose={close} busy={busy}>
      <p>{t.forgetText(known)}</p>
      <p class={byCable(network) ? 'second' : 'strong'}>{byCable(network) ? t.forgetCable : t.forgetAlone}</p>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button look="secondary" disabled={busy} onClick={close}>
          {common.cancel}
        </Button>
        <Button look="destructive" busy={busy} onClick={() => void run()}>
          {t.forgetDo}
        </Button>
      </div>
    </Dialog>
  );
}
