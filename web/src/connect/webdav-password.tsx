import { ask, type ReplyOf } from '../ask/ask.ts';
import { asConnector, type Connector } from '../ask/connector.ts';
import { systemHere } from '../ask/system.ts';
import { useDoing } from '../ask/use-ask.ts';
import { connect as t } from '../text/en/connect.ts';
import { Button } from '../ui/button.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { svgAddress } from '../ui/svg-address.ts';

export type MadePassword = ReplyOf<'POST /api/connections'>;

/** What an app that speaks WebDAV is to be told. `inParts`: it asks for the address in pieces. */
export function WebdavPassword({ app, inParts, connector, made, onMade }: PasswordProps) {
  const making = useDoing(async () => {
    const body = { phone: connector.phone, door: 'webdav' } as const;
    onMade(await ask('POST /api/connections', { body, ...asConnector(connector) }));
  });
  return (
    <div class="stack connect-password">
      <p class="second measure">{t.passwordText}</p>
      <RefusalNote refusal={making.refusal} />
      {made === undefined ? (
        <div class="buttons">
          <Button busy={making.busy} onClick={() => void making.run()}>
            {t.makePassword(app)}
          </Button>
        </div>
      ) : (
        <div class="connect-made">
          <div class="stack">
            {inParts ? <Parts url={made.url} /> : <CopyLine label={t.url} text={made.url} />}
            <CopyLine label={t.user} text={made.user} />
            <CopyLine label={t.password} text={made.password} />
          </div>
          {systemHere() === 'computer' && (
            <figure>
              <img src={svgAddress(made.qrSvg)} width="176" height="176" alt={t.passwordQrAlt} />
              <figcaption class="cap">{t.passwordQr}</figcaption>
            </figure>
          )}
        </div>
      )}
    </div>
  );
}
type PasswordProps = Readonly<{
  app: string;
  inParts: boolean;
  connector: Connector;
  made: MadePassword | undefined;
  onMade: (made: MadePassword) => void;
}>;

function Parts({ url }: { url: string }) {
  const { hostname, port, pathname } = new URL(url);
  return (
    <>
      <CopyLine label={t.host} text={hostname} />
      <CopyLine label={t.port} text={port === '' ? '443' : port} />
      <CopyLine label={t.folder} text={pathname} />
    </>
  );
}
