/**
 * Owns handing a phone's connection to the Nextcloud app that is on it: by the link that works once, and by the ways out
 * where the app does not take that. Never shows a password, except to the app.
 */
import { QrCode } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { asConnector, type Connector } from '../ask/connector.ts';
import { useDoing } from '../ask/use-ask.ts';
import { connect as t } from '../text/en/connect.ts';
import { Button } from './button.tsx';
import { CopyLine } from './copy-line.tsx';
import { Icon } from './icon.tsx';
import './open-app.css';
import { RefusalNote } from './parts.tsx';
import { svgAddress } from './svg-address.ts';

type Once = ReplyOf<'POST /api/connections/one-time'>;
type OpenAppProps = Readonly<{ connector: Connector; system: 'android' | 'ios' }>;

const once = (connector: Connector) =>
  ask('POST /api/connections/one-time', { body: { phone: connector.phone }, ...asConnector(connector) });

/** On the phone that the app is on. */
export function OpenApp({ connector, system }: OpenAppProps) {
  const [made, setMade] = useState<Once>();
  const opening = useDoing(async () => {
    const next = await once(connector);
    setMade(next);
    follow(next.link);
  });
  return (
    <div class="stack open-app">
      <RefusalNote refusal={opening.refusal} />
      <Button busy={opening.busy} onClick={() => void opening.run()} wide>
        {t.openApp}
      </Button>
      <p class="cap open-app-stores">
        {t.notInstalled}{' '}
        {t.stores[system].map(({ name, href }) => (
          <a key={name} href={href} rel="noreferrer" target="_blank">
            {name}
          </a>
        ))}
      </p>
      {made !== undefined && <NotOpened connector={connector} made={made} />}
    </div>
  );
}

/** An app's link is followed as a press on it would be: browsers let a page leave itself only that way. */
function follow(href: string): void {
  const link = document.createElement('a');
  link.href = href;
  document.body.append(link);
  link.click();
  link.remove();
}

function NotOpened({ connector, made }: { connector: Connector; made: Once }) {
  const older = useDoing(async () => {
    const body = { phone: connector.phone, door: 'nextcloud' } as const;
    const { link } = await ask('POST /api/connections', { body, ...asConnector(connector) });
    if (link !== null) follow(link);
  });
  return (
    <details class="open-app-else">
      <summary>{t.openedTitle}</summary>
      <div class="stack">
        <a class="button secondary" href={made.link}>
          {t.openAgain}
        </a>
        <div class="stack open-app-older">
          <p class="strong">{t.olderApp}</p>
          <p class="cap">{t.olderText}</p>
          <RefusalNote refusal={older.refusal} />
          <Button look="secondary" busy={older.busy} onClick={() => void older.run()}>
            {t.openOlder}
          </Button>
        </div>
        <p class="cap">{t.byHand}</p>
        <CopyLine label={t.boxAddress} text={made.server} />
      </div>
    </details>
  );
}

/** On a computer: the phone's app scans it. */
export function ScanWithApp({ connector }: { connector: Connector }) {
  const [made, setMade] = useState<Once>();
  const showing = useDoing(async () => setMade(await once(connector)));
  const over = made !== undefined && made.expiresAt <= boxNow();
  return (
    <div class="open-app-scan">
      {made === undefined || over ? (
        <div class="open-app-qr held" aria-hidden="true">
          <Icon of={QrCode} size={56} />
        </div>
      ) : (
        <img class="open-app-qr" src={svgAddress(made.qrSvg)} width="224" height="224" alt={t.qrAlt} />
      )}
      <div class="stack">
        <p class="strong">{t.qrTitle}</p>
        <p class="second">{t.qrText}</p>
        <RefusalNote refusal={showing.refusal} />
        {made !== undefined && <p class="cap num">{t.qrUntil(made.expiresAt)}</p>}
        <div class="buttons">
          <Button
            look={made === undefined ? 'primary' : 'secondary'}
            busy={showing.busy}
            onClick={() => void showing.run()}
          >
            {made === undefined ? t.qrShow : t.qrNew}
          </Button>
        </div>
        {made !== undefined && (
          <>
            <p class="cap">{t.byHand}</p>
            <CopyLine label={t.boxAddress} text={made.server} />
          </>
        )}
      </div>
    </div>
  );
}
