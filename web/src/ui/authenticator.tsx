import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { authenticator as t } from '../text/en/authenticator.ts';
import { clock } from '../text/format.ts';
import './authenticator.css';
import { Button } from './button.tsx';
import { CopyLine } from './copy-line.tsx';
import { DigitsField } from './digits.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from './parts.tsx';
import { svgAddress } from './svg-address.ts';

type AuthenticatorProps = Readonly<{
  /** What the box calls it from now on. */
  name: string;
  /** The first code was right. `recoveryCodes`: ten, shown this once, for who had none; else empty. */
  onAdded: (recoveryCodes: readonly string[]) => void;
}>;

/** Adding an app that shows one-time codes: a code to scan, the key as text, and its first six digits. */
export function Authenticator({ name, onAdded }: AuthenticatorProps) {
  const { answer, refusal, again } = useAsk(
    (signal) => ask('POST /api/authenticators', { body: { name }, signal }),
    [name],
  );
  const [digits, setDigits] = useState('');
  const expired = useExpired(answer?.expiresAt);
  const confirming = useDoing(async (code: string) => {
    if (answer === undefined) return;
    const given = { params: { id: answer.id }, body: { code } };
    await ask('POST /api/authenticators/:id/confirm', given).then(
      ({ recoveryCodes }) => onAdded(recoveryCodes),
      (error: unknown) => {
        setDigits('');
        throw error;
      },
    );
  });
  if (answer === undefined) {
    return refusal === undefined ? (
      <Skeleton height="26rem" />
    ) : (
      <CouldNotLoad refusal={refusal} again={() => void again()} />
    );
  }
  if (expired) {
    return (
      <div class="stack">
        <p>{t.expired}</p>
        <div>
          <Button onClick={() => void again()}>{t.anew}</Button>
        </div>
      </div>
    );
  }
  return (
    <div class="stack">
      <div>
        <p class="strong">{t.scan}</p>
        <p class="cap">{t.text}</p>
      </div>
      <img class="authenticator-qr" src={svgAddress(answer.qrSvg)} width={240} height={240} alt={t.qr} />
      <CopyLine label={t.key} text={answer.textKey} />
      <div class="stack" style={{ '--gap': 'var(--s2)' }}>
        <p class="label" aria-hidden="true">
          {t.code}
        </p>
        <RefusalNote refusal={confirming.refusal} />
        <DigitsField
          label={t.code}
          value={digits}
          onInput={setDigits}
          onFull={(code) => void confirming.run(code)}
          busy={confirming.busy}
          autocomplete="one-time-code"
        />
        <p class="cap">{t.time(clock(boxNow()))}</p>
      </div>
    </div>
  );
}

function useExpired(expiresAt: number | undefined): boolean {
  const [expired, setExpired] = useState(false);
  useEffect(() => {
    if (expiresAt === undefined) return;
    setExpired(false);
    const timer = window.setTimeout(() => setExpired(true), Math.max(0, expiresAt - boxNow()));
    return () => window.clearTimeout(timer);
  }, [expiresAt]);
  return expired;
}
