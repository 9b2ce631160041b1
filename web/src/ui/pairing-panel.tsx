/**
 * Owns what stands beside a new phone: the picture and the code. One place, two states: until the phone trusts the box,
 * a link to it would be a page full of warnings, so the first picture leads to the page that explains trust.
 * Every page that pairs shows it.
 */
import { CircleCheck, CircleX, Clock, ScanLine } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { pairingPanel as t } from '../text/en/pairing-panel.ts';
import { clock, minutesAndSeconds } from '../text/format.ts';
import { Button } from './button.tsx';
import { confirmFirst } from './confirm-first.tsx';
import { CopyLine } from './copy-line.tsx';
import { Icon, type IconNode } from './icon.tsx';
import { NotMine } from './not-mine.tsx';
import { say } from './page.tsx';
import './pairing-panel.css';
import { RefusalNote } from './parts.tsx';
import { svgAddress } from './svg-address.ts';
import { type JoinedPhone, type PairingStage, usePairing } from './use-pairing.ts';

/** The clocks of two devices are never quite the same. */
const lastsMs = 15 * 60_000;

type PanelProps = Readonly<{
  /** The name of whose phone it will be; default: of whoever is signed in. */
  person?: string;
  /** The id of the phone whose place it takes. */
  replaces?: string;
  onJoined: (phone: JoinedPhone) => void;
  /** The one that joined was nobody's here, and is off the box again. */
  onTurnedAway?: () => void;
}>;

export function PairingPanel({ person, replaces, onJoined, onTurnedAway }: PanelProps) {
  const { stage, busy, refusal, renew } = usePairing({ person, replaces }, onJoined);
  useEffect(() => {
    if (stage.is === 'joined') say(t.joinedTitle(stage.joined.phone, clock(stage.joined.at)));
  }, [stage]);
  return (
    <div class="card pairing">
      {stage.is === 'open' && <Open key={stage.pairing.id} stage={stage} />}
      {stage.is === 'joined' && (
        // The place that it took went with it: another code would be for a phone that is not there.
        <Joined
          joined={stage.joined}
          renew={replaces === undefined ? renew : undefined}
          busy={busy}
          onTurnedAway={onTurnedAway}
        />
      )}
      {stage.is === 'asking' && <Asking failed={refusal !== undefined} />}
      {(stage.is === 'refused' || stage.is === 'expired' || stage.is === 'closed') && <Over how={stage.is} />}
      {stage.is !== 'open' && (
        <div class="pairing-foot">
          <RefusalNote refusal={refusal} />
          {stage.is !== 'joined' && (refusal !== undefined || stage.is !== 'asking') && (
            <Button busy={busy} onClick={renew}>
              {t.newCode}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

/** By hand it may be turned either way: what the box saw may have been another phone. */
function Open({ stage }: { stage: PairingStage & { is: 'open' } }) {
  const { pairing, trusted, lookedAt, triesLeft } = stage;
  const [chosen, setChosen] = useState<'trust' | 'pair'>();
  useEffect(() => {
    if (!trusted) return;
    setChosen(undefined);
    say(t.trusted);
  }, [trusted]);
  const trusting = (chosen ?? (trusted || lookedAt ? 'pair' : 'trust')) === 'trust';
  const link = trusting ? pairing.welcome : pairing.link;
  return (
    <>
      <img
        class="pairing-qr"
        src={svgAddress(trusting ? pairing.welcomeQrSvg : pairing.qrSvg)}
        width="256"
        height="256"
        alt={trusting ? t.trustQr : t.pairQr}
      />
      <div class="pairing-words">
        <h2 class="head">{trusting ? t.trustTitle : t.pairTitle}</h2>
        <p class="second pairing-text">{trusting ? t.trustText : t.pairText}</p>
        <CopyLine key={link} label={trusting ? t.orType : t.link} text={link} />
        <div class="pairing-code">
          <div>
            <p class="cap" aria-hidden="true">
              {t.code}
            </p>
            <p class="figure" aria-hidden="true">
              {pairing.code}
            </p>
            <p class="only-read">{t.spell(pairing.code)}</p>
          </div>
          <TimeLeft expiresAt={pairing.expiresAt} />
        </div>
        <p class="pairing-status cap" role="status">
          {statusOf(trusted, lookedAt, triesLeft)}
        </p>
        <details>
          <summary>{t.compare}</summary>
          <p class="mono cap pairing-fingerprint">{pairing.fingerprint.match(/.{1,4}/g)?.join(' ')}</p>
        </details>
        <div class="pairing-turn">
          <Button look="quiet" onClick={() => setChosen(trusting ? 'pair' : 'trust')}>
            {trusting ? t.trusts : t.warns}
          </Button>
        </div>
      </div>
    </>
  );
}

function statusOf(trusted: boolean, lookedAt: boolean, triesLeft: number): string | undefined {
  if (triesLeft === 0) return t.deadCode;
  if (triesLeft < 3) return t.fewTries(triesLeft);
  if (lookedAt) return t.lookedAt;
  return trusted ? t.trusted : undefined;
}

function TimeLeft({ expiresAt }: { expiresAt: number }) {
  const [now, setNow] = useState(boxNow);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(boxNow()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return <p class="cap num">{t.left(minutesAndSeconds(Math.min(expiresAt - now, lastsMs)))}</p>;
}

/** The picture's place is held, whatever becomes of the pairing. */
function Asking({ failed }: { failed: boolean }) {
  return (
    <>
      <div class="pairing-qr held" />
      <p class="pairing-words second" role="status">
        {failed ? t.noCode : t.asking}
      </p>
    </>
  );
}

function Over({ how }: { how: 'refused' | 'expired' | 'closed' }) {
  switch (how) {
    case 'refused':
      return <Said icon={CircleX} title={t.refusedTitle} text={t.refusedText} />;
    case 'expired':
      return <Said icon={Clock} title={t.expiredTitle} text={t.expiredText} />;
    case 'closed':
      return <Said icon={ScanLine} title={t.closedTitle} text={t.closedText} />;
  }
}

type JoinedProps = Readonly<{
  joined: JoinedPhone;
  renew: (() => void) | undefined;
  busy: boolean;
  onTurnedAway: (() => void) | undefined;
}>;

function Joined({ joined, renew, busy, onTurnedAway }: JoinedProps) {
  const [asked, setAsked] = useState(false);
  const [away, setAway] = useState(false);
  const { phone, phoneId, at } = joined;
  const turning = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/phones/:id', { params: { id: phoneId } }));
    setAsked(false);
    setAway(true);
    onTurnedAway?.();
  });
  if (away) {
    const text = renew === undefined ? t.turnedAwayAndGone : t.turnedAwayText;
    return (
      <Said icon={CircleX} title={t.turnedAwayTitle(phone)} text={text}>
        {renew !== undefined && (
          <Button busy={busy} onClick={renew}>
            {t.newCode}
          </Button>
        )}
      </Said>
    );
  }
  return (
    <Said icon={CircleCheck} safe title={t.joinedTitle(phone, clock(at))} text={t.joinedText}>
      <Button look="warn" onClick={() => setAsked(true)}>
        {t.notMine}
      </Button>
      <NotMine phone={phone} open={asked} doing={turning} onClose={() => setAsked(false)} />
    </Said>
  );
}

function Said({ icon, title, text, safe = false, children }: SaidProps) {
  return (
    <>
      <div class={safe ? 'pairing-qr held safe' : 'pairing-qr held'}>
        <Icon of={icon} size={56} />
      </div>
      <div class="pairing-words" role="status">
        <h2 class="head">{title}</h2>
        <p class="second">{text}</p>
        {children !== undefined && <div class="buttons">{children}</div>}
      </div>
    </>
  );
}
type SaidProps = Readonly<{
  icon: IconNode;
  title: string;
  text: string;
  safe?: boolean;
  children?: ComponentChildren;
}>;
