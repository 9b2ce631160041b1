import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import {
  codeAt,
  dropCodes,
  type KeptCodes,
  keepCodes,
  keepStorage,
  keptCodes,
  type OwnPhone,
} from '../ask/own-phone.ts';
import { useSession } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';
import { Once } from './once.tsx';

const stepSeconds = 30;

/** The phone as an authenticator: it shows one-time codes itself. */
export function Codes({ phone }: { phone: OwnPhone | undefined }) {
  const [codes, setCodes] = useState<KeptCodes | null>();
  const [gone, setGone] = useState(false);
  const [recovery, setRecovery] = useState<readonly string[]>([]);
  useEffect(() => {
    void keptCodes()
      .catch(() => undefined)
      .then((kept) => setCodes(kept ?? null));
  }, []);
  const stopping = useDoing(async () => {
    await dropCodes();
    setCodes(null);
    setGone(true);
  });
  if (recovery.length > 0) return <Once codes={recovery} onKept={() => setRecovery([])} />;
  return (
    <Frame title={thisPhone.codesTitle} back>
      <p class="second measure">
        {gone ? thisPhone.codesGone : codes === null ? thisPhone.codesNone : thisPhone.codesSome}
      </p>
      {codes === undefined && <Skeleton height="10rem" />}
      {codes === null && (
        <Add
          name={phone?.phone ?? thisPhone.title}
          onAdded={(added, codesOnce) => {
            setCodes(added);
            setGone(false);
            setRecovery(codesOnce);
          }}
        />
      )}
      {codes != null && (
        <>
          <CodeNow codes={codes} />
          <div class="buttons">
            <Button look="warn" busy={stopping.busy} onClick={() => void stopping.run()}>
              {thisPhone.codesStop}
            </Button>
          </div>
        </>
      )}
    </Frame>
  );
}

function CodeNow({ codes }: { codes: KeptCodes }) {
  const [now, setNow] = useState<{ code: string; leftMs: number }>();
  useEffect(() => {
    const tick = () => void codeAt(codes.key, boxNow()).then(setNow);
    tick();
    const timer = window.setInterval(tick, 1_000);
    return () => window.clearInterval(timer);
  }, [codes]);
  const seconds = Math.ceil((now?.leftMs ?? 0) / 1000);
  const code = now?.code ?? '';
  return (
    <section class="card phone-code">
      <p class="phone-code-now num">
        <span>{code.slice(0, 3)}</span>
        <span>{code.slice(3)}</span>
      </p>
      <div class="bar" aria-hidden="true">
        <div style={{ width: `${(seconds / stepSeconds) * 100}%` }} />
      </div>
      <p class="cap num">{thisPhone.codesLeft(seconds)}</p>
    </section>
  );
}

function Add({ name, onAdded }: AddProps) {
  const { state } = useSession();
  const adding = useDoing(async () => {
    const made = await confirmFirst(() => ask('POST /api/authenticators', { body: { name } }));
    await keepStorage();
    // Kept before it counts: a code that nobody can show must never be asked for.
    const codes = await keepCodes(made);
    const { code } = await codeAt(codes.key, made.boxTime);
    const { recoveryCodes } = await confirmFirst(() =>
      ask('POST /api/authenticators/:id/confirm', { params: { id: made.id }, body: { code } }),
    );
    onAdded(codes, recoveryCodes);
  });
  const signedIn = state.is === 'there' && state.current.stage === 'open';
  return (
    <>
      <RefusalNote refusal={adding.refusal} />
      <div class="buttons">
        {signedIn ? (
          <Button busy={adding.busy} onClick={() => void adding.run()}>
            {thisPhone.codesShow}
          </Button>
        ) : (
          <LinkButton href="/sign-in?to=%2Fthis-phone%2Fcodes">{thisPhone.codesShow}</LinkButton>
        )}
      </div>
    </>
  );
}
type AddProps = Readonly<{ name: string; onAdded: (codes: KeptCodes, recovery: readonly string[]) => void }>;
