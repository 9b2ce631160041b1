import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { network as t } from '../text/en/device.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, PasswordField, SelectField } from '../ui/field.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { countries, countryHere } from './countries.ts';
import { byCable, type Network } from './view.ts';

type WifiView = NonNullable<Network['wifi']>;
/** `ssid` '': one that is not listed, and has to be named. */
export type Wanted = Readonly<{ ssid: string; security: WifiView['seen'][number]['security'] | undefined }>;

/** IEEE 802.11: 32 octets; annex J.4: 8 to 63 characters of printable ASCII. */
const ssidBytesMax = 32;
const printable = /^[ -~]*$/;
const passwordCharsMin = 8;
const passwordCharsMax = 63;

type JoinProps = Readonly<{
  wanted: Wanted | undefined;
  network: Network;
  put: (network: Network) => void;
  onClose: () => void;
}>;

export function JoinDialog({ wanted, network, put, onClose }: JoinProps) {
  // The title stays while the dialog goes.
  const [last, setLast] = useState(wanted);
  useEffect(() => {
    if (wanted !== undefined) setLast(wanted);
  }, [wanted]);
  const shown = wanted ?? last;
  const named = shown !== undefined && shown.ssid !== '';
  return (
    <Dialog title={named ? t.joinTitle(shown.ssid) : t.otherTitle} open={wanted !== undefined} onClose={onClose}>
      {shown !== undefined && <JoinForm wanted={shown} network={network} put={put} onClose={onClose} />}
    </Dialog>
  );
}

function JoinForm({ wanted, network, put, onClose }: JoinProps & { wanted: Wanted }) {
  const [ssid, setSsid] = useState(wanted.ssid);
  const [password, setPassword] = useState('');
  const [country, setCountry] = useState(network.wifi?.country ?? countryHere());
  const { busy, refusal, run } = useDoing(async () => {
    const body = { ssid, passphrase: password, country };
    put(await confirmFirst(() => ask('PUT /api/network/wifi', { body })));
    say(t.joinSaid(ssid));
    onClose();
  });
  const asks = wanted.security !== 'open';
  const optional = wanted.security === undefined;
  const fits =
    (optional && password === '') ||
    !asks ||
    (password.length >= passwordCharsMin && password.length <= passwordCharsMax && printable.test(password));
  const ssidFits = new TextEncoder().encode(ssid).length <= ssidBytesMax;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      {optional && (
        <Field
          label={t.ssid}
          value={ssid}
          onInput={setSsid}
          autocomplete="off"
          error={ssidFits ? undefined : t.ssidLong}
          required
        />
      )}
      {asks && (
        <PasswordField
          label={t.password}
          value={password}
          onInput={setPassword}
          autocomplete="off"
          maxLength={passwordCharsMax}
          hint={optional ? t.passwordHintOther : t.passwordHint}
          error={printable.test(password) ? undefined : t.passwordLetters}
          required={!optional}
        />
      )}
      {!asks && <p>{t.openText}</p>}
      <SelectField
        label={t.country}
        value={country}
        options={country === '' ? [{ value: '', label: t.countryChoose }, ...countries] : countries}
        onChange={setCountry}
        hint={t.countryHint}
      />
      <p class="second">{fallsTo(network, ssid)}</p>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button type="submit" busy={busy} disabled={!fits || !ssidFits || ssid === '' || country === ''}>
          {t.joinDo(ssid)}
        </Button>
        <Button look="secondary" disabled={busy} onClick={onClose}>
          {common.cancel}
        </Button>
      </div>
    </form>
  );
}

function fallsTo(network: Network, wanted: string): string {
  const former = network.wifi?.joined?.ssid ?? network.wifi?.known[0];
  if (former !== undefined && former !== wanted) return t.falls(former);
  return byCable(network) ? t.fallsCable : t.fallsNone;
}
