import { Info, ShieldCheck } from 'lucide';
import { useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import type { Connector } from '../ask/connector.ts';
import { useSession } from '../ask/session.tsx';
import { systemHere } from '../ask/system.ts';
import { useAsk } from '../ask/use-ask.ts';
import { connect as t } from '../text/en/connect.ts';
import { type Guide, type GuideName, guides } from '../text/en/connect-guides.ts';
import { Alone } from '../ui/alone.tsx';
import { AppSettings } from '../ui/app-settings.tsx';
import { SelectField } from '../ui/field.tsx';
import { FirstPhoto } from '../ui/first-photo.tsx';
import { Icon } from '../ui/icon.tsx';
import { OpenApp, ScanWithApp } from '../ui/open-app.tsx';
import { Skeleton } from '../ui/parts.tsx';
import { RcloneCommands, TermuxCommands } from './commands.tsx';
import { NoPhone, Strangers } from './strangers.tsx';
import { useConnectors } from './use-connectors.ts';
import { type MadePassword, WebdavPassword } from './webdav-password.tsx';

/** How one kind of app is connected and set. */
export function GuidePage({ name }: { name: GuideName }) {
  const guide: Guide = guides[name];
  const who = useConnectors();
  const { query } = useRoute();
  const asked = query['phone'];
  const [chosen, setChosen] = useState(asked);
  const connectors = who.is === 'there' ? who.connectors : [];
  const connector = connectors.find(({ phone }) => phone === chosen) ?? connectors[0];
  const back = asked === undefined ? '/connect/apps' : `/connect/apps?phone=${encodeURIComponent(asked)}`;
  return (
    <Alone title={guide.title} back={{ href: back, label: t.otherApps }} wide>
      <p class="second measure connect-lead">{guide.lead}</p>
      <Trust own={connector?.token !== undefined} />
      {who.is === 'asking' && <Skeleton height="14rem" />}
      {(who.is === 'none' || who.is === 'silent') && <Strangers />}
      {who.is === 'there' && connector === undefined && <NoPhone />}
      {connector !== undefined && (
        <Connecting
          key={connector.phone}
          name={name}
          connector={connector}
          connectors={connectors}
          onChoose={setChosen}
        />
      )}
      <AppSettings guide={guide} />
      <section class="card stack connect-wont" aria-labelledby="it-will-not">
        <h2 class="head" id="it-will-not">
          {t.wontTitle}
        </h2>
        <ul>
          {guide.wont.map((one) => (
            <li key={one}>
              <Icon of={Info} />
              <span>{one}</span>
            </li>
          ))}
        </ul>
      </section>
      {connector !== undefined && guide.by !== 'command' && <FirstPhoto key={connector.phone} connector={connector} />}
      <p class="cap">{t.notNextcloud}</p>
    </Alone>
  );
}

function Connecting({ name, connector, connectors, onChoose }: ConnectingProps) {
  const [made, setMade] = useState<MadePassword>();
  const { by, name: appName } = guides[name];
  return (
    <>
      <section class="card stack" aria-labelledby="connect-it">
        <h2 class="head" id="connect-it">
          {t.connectTitle}
        </h2>
        {connectors.length > 1 && by !== 'command' && (
          <div class="connect-for">
            <SelectField
              label={t.forPhone}
              value={connector.phone}
              options={connectors.map(({ phone, phoneName }) => ({ value: phone, label: phoneName }))}
              onChange={onChoose}
            />
          </div>
        )}
        {by === 'nextcloud' && <ByNextcloud name={name} connector={connector} />}
        {by === 'webdav' && (
          <WebdavPassword
            app={appName}
            inParts={name === 'photosync'}
            connector={connector}
            made={made}
            onMade={setMade}
          />
        )}
        {by === 'command' && <TermuxCommands />}
      </section>
      {name === 'webdav' && <RcloneCommands made={made} />}
    </>
  );
}
type ConnectingProps = Readonly<{
  name: GuideName;
  connector: Connector;
  connectors: readonly Connector[];
  onChoose: (phone: string) => void;
}>;

/** On the phone one press opens the app; elsewhere the phone scans it. */
function ByNextcloud({ name, connector }: { name: GuideName; connector: Connector }) {
  const system = name === 'nextcloud-ios' ? 'ios' : 'android';
  if (systemHere() !== system) return <ScanWithApp connector={connector} />;
  return (
    <div class="connect-open">
      <OpenApp connector={connector} system={system} />
    </div>
  );
}

/** `own`: this very browser is the phone. */
function Trust({ own }: { own: boolean }) {
  const { state } = useSession();
  const signedIn = state.is === 'there' && state.current.stage === 'open';
  const { answer: box } = useAsk(
    async (signal) => (signedIn && !own ? await ask('GET /api/box', { signal }).catch(() => undefined) : undefined),
    [signedIn, own],
  );
  const file = systemHere() === 'ios' ? '/nightjar.mobileconfig' : '/nightjar-root.crt';
  return (
    <section class="connect-trust" aria-labelledby="trust-first">
      <Icon of={ShieldCheck} />
      <div>
        <h2 class="strong" id="trust-first">
          {t.trustTitle}
        </h2>
        <p class="cap">
          {t.trustText} {own && t.trustHere}
        </p>
        {box === undefined ? (
          <a href={file} target="_self">
            {t.trustFile}
          </a>
        ) : (
          <a href={`http://${location.hostname}:${box.httpPort}/`} target="_self">
            {t.trustHow}
          </a>
        )}
      </div>
    </section>
  );
}
