import { Ban, Check, CircleAlert, CircleX, Clock, House, Monitor } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, boxNow, Refusal, type ReplyOf } from '../ask/ask.ts';
import { type OwnPhone, signAnswer } from '../ask/own-phone.ts';
import { useDoing } from '../ask/use-ask.ts';
import { approval } from '../text/en/this-phone.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { DigitsField } from '../ui/digits.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import './approval-sheet.css';

type ApprovalRequest = ReplyOf<'GET /api/approvals'>['approvals'][number];
type Shown =
  | { is: 'nothing' }
  | { is: 'asking'; request: ApprovalRequest }
  | { is: 'approved'; browser: string; address: string }
  | { is: 'denied' }
  | { is: 'over'; text: string };
type SheetProps = Readonly<{
  phone: OwnPhone;
  /** The one to be answered next. */
  request: ApprovalRequest | undefined;
  stillAsked: (id: string) => boolean;
  onSettled: (id: string) => void;
  onAside: (id: string) => void;
  /** Nothing is shown any more: the next one may come. */
  onDone: () => void;
}>;

/** Over any page. What the person is typing for stays; a newer request comes after it. */
export function ApprovalSheet({ phone, request, stillAsked, onSettled, onAside, onDone }: SheetProps) {
  const [shown, setShown] = useState<Shown>({ is: 'nothing' });
  const place = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (shown.is === 'nothing' && request !== undefined) {
      setShown({ is: 'asking', request });
      say(approval.title(phone.person), { now: true });
    } else if (shown.is === 'asking' && !stillAsked(shown.request.id)) {
      setShown({ is: 'over', text: approval.overElsewhere });
    }
  }, [shown, request, stillAsked, phone.person]);
  const open = shown.is !== 'nothing';
  useEffect(() => {
    const dialog = place.current;
    if (open && dialog?.open === false) dialog.showModal();
    else if (!open && dialog?.open === true) dialog.close();
  }, [open]);
  useEffect(() => {
    place.current?.querySelector<HTMLElement>(shown.is === 'asking' ? 'input' : 'h2')?.focus();
  }, [shown.is]);
  const done = () => {
    setShown({ is: 'nothing' });
    onDone();
  };
  const leave = () => {
    if (shown.is === 'asking') onAside(shown.request.id);
    done();
  };
  const end = (id: string, next: Shown) => {
    onSettled(id);
    setShown(next);
  };
  return (
    <dialog
      ref={place}
      class="approval"
      aria-labelledby="approval-title"
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
    >
      {shown.is === 'asking' && (
        <Asking
          key={shown.request.id}
          phone={phone}
          request={shown.request}
          onApproved={(answer) => end(shown.request.id, { is: 'approved', ...answer })}
          onDenied={() => end(shown.request.id, { is: 'denied' })}
          onOver={(text) => end(shown.request.id, { is: 'over', text })}
          onLater={leave}
        />
      )}
      {shown.is === 'approved' && (
        <Ending icon={Check} look="safe" title={approval.approvedTitle} done={done}>
          <p>{approval.approvedText(shown.browser, shown.address, phone.person)}</p>
          <a href="/security/sessions" onClick={done}>
            {approval.seeSessions}
          </a>
        </Ending>
      )}
      {shown.is === 'denied' && (
        <Ending icon={Ban} look="act" title={approval.deniedTitle} done={done}>
          <p>{approval.deniedText}</p>
          <div class="approval-ways" onClickCapture={done}>
            <LinkButton href="/security/password" wide>
              {approval.changePassword}
            </LinkButton>
            <LinkButton href="/security/sessions" look="secondary" wide>
              {approval.signOutOthers}
            </LinkButton>
          </div>
        </Ending>
      )}
      {shown.is === 'over' && (
        <Ending icon={CircleX} look="quiet" title={approval.overTitle} done={done}>
          <p>{shown.text}</p>
        </Ending>
      )}
    </dialog>
  );
}

type AskingProps = Readonly<{
  phone: OwnPhone;
  request: ApprovalRequest;
  onApproved: (answer: { browser: string; address: string }) => void;
  onDenied: () => void;
  onOver: (text: string) => void;
  onLater: () => void;
}>;

function Asking({ phone, request, onApproved, onDenied, onOver, onLater }: AskingProps) {
  const [digits, setDigits] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement | null>(null);
  const failed = (error: unknown) => {
    setDigits('');
    const refusal = error instanceof Refusal ? error : new Refusal('page', approval.keyGone);
    const left = Number(refusal.facts['triesLeft'] ?? 0);
    if (refusal.code === 'wrong-code' && left > 0) {
      setWrong(approval.wrong(left));
      field.current?.focus();
    } else if (refusal.code === 'wrong-code') onOver(approval.overWrong);
    else if (refusal.code === 'approval-over' || refusal.code === 'not-found') onOver(refusal.message);
    else setWrong(refusal.message);
  };
  const send = async (typed: string) => {
    if (busy) return;
    setBusy(true);
    try {
      const body = await signAnswer(request, typed, phone.phoneId);
      onApproved(await ask('POST /api/approvals/:id', { params: { id: request.id }, body, token: phone.token }));
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  const denying = useDoing(async () => {
    try {
      await ask('POST /api/approvals/:id/deny', { params: { id: request.id }, token: phone.token });
      onDenied();
    } catch (error) {
      failed(error);
    }
  });
  return (
    <div class="inside stack approval-asking">
      <h2 class="verdict" id="approval-title" tabIndex={-1}>
        {approval.title(phone.person)}
      </h2>
      <p id="approval-lead" class={wrong === undefined ? 'second' : 'approval-wrong'} role="alert">
        {wrong !== undefined && <Icon of={CircleAlert} />}
        {wrong ?? approval.lead}
      </p>
      <DigitsField
        label={approval.digits}
        value={digits}
        onInput={(next) => {
          setDigits(next);
          if (next !== '') setWrong(undefined);
        }}
        onFull={(typed) => void send(typed)}
        busy={busy}
        describedBy="approval-lead"
        inputRef={field}
      />
      <Facts request={request} />
      <Button look="warn" busy={denying.busy} onClick={() => void denying.run()} wide>
        {approval.notMe}
      </Button>
      <Button look="quiet" onClick={onLater} wide>
        {approval.later}
      </Button>
    </div>
  );
}

function Facts({ request }: { request: ApprovalRequest }) {
  const [now, setNow] = useState(boxNow);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(boxNow()), 15_000);
    return () => window.clearInterval(timer);
  }, []);
  const minutes = Math.floor((now - request.at) / 60_000);
  return (
    <div class="card approval-facts">
      <p>
        <Icon of={Monitor} />
        <span>{request.browser}</span>
        <span class="num">{request.address}</span>
      </p>
      <p>
        <Icon of={request.home ? House : Clock} />
        <span>{request.home ? approval.home : approval.notHome}</span>
        <span>{minutes < 1 ? approval.now : approval.ago(minutes)}</span>
      </p>
    </div>
  );
}

function Ending({ icon, look, title, done, children }: EndingProps) {
  return (
    <div class="inside approval-ended">
      <div class={`approval-sign ${look}`} aria-hidden="true">
        <Icon of={icon} size={36} />
      </div>
      <h2 class="verdict" id="approval-title" tabIndex={-1}>
        {title}
      </h2>
      {children}
      <Button look="secondary" onClick={done} wide>
        {approval.done}
      </Button>
    </div>
  );
}
type EndingProps = Readonly<{
  icon: IconNode;
  look: 'safe' | 'act' | 'quiet';
  title: string;
  done: () => void;
  children: preact.ComponentChildren;
}>;
