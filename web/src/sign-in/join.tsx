/**
 * Owns choosing a password by an invitation: somebody new, or a reset from the box. The secret comes in the fragment,
 * which no browser sends, and goes to the box in a POST body; looking does not use it up. Shown by the app at /join.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, type Refusal, type ReplyOf } from '../ask/ask.ts';
import { useSession } from '../ask/session.tsx';
import { asRefusal, useDoing } from '../ask/use-ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { isLongEnough, NewPasswordField } from '../ui/new-password.tsx';
import { RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';

type Invitation = ReplyOf<'POST /api/invitations/look'>;
type State =
  | { is: 'code' }
  | { is: 'asking'; secret: string }
  | { is: 'choosing'; secret: string; invitation: Invitation }
  | { is: 'joined'; person: string; open: boolean }
  | { is: 'over'; refusal: Refusal };

const saying = { title: t.joinSaying, text: t.joinWhy };

function fromAddress(): State {
  const secret = new URLSearchParams(location.hash.slice(1)).get('s') ?? '';
  return secret === '' ? { is: 'code' } : { is: 'asking', secret };
}

export function Join() {
  const [state, setState] = useState<State>(fromAddress);
  const { look } = useSession();
  useEffect(() => {
    const change = () => setState(fromAddress());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  const asked = state.is === 'asking' ? state.secret : undefined;
  useEffect(() => {
    if (asked === undefined) return;
    const own = new AbortController();
    ask('POST /api/invitations/look', { body: { secret: asked }, signal: own.signal }).then(
      (invitation) => setState({ is: 'choosing', secret: asked, invitation }),
      (error: unknown) => own.signal.aborted || setState({ is: 'over', refusal: asRefusal(error) }),
    );
    return () => own.abort();
  }, [asked]);
  const over = (refusal: Refusal) => setState({ is: 'over', refusal });
  if (state.is === 'asking') {
    return (
      <Frame key="asking" title={t.joinAsking} saying={saying}>
        <Skeleton height="12rem" />
      </Frame>
    );
  }
  if (state.is === 'code') return <CodeForm key="code" onCode={(secret) => setState({ is: 'asking', secret })} />;
  if (state.is === 'over') return <Over key="over" refusal={state.refusal} again={() => setState({ is: 'code' })} />;
  if (state.is === 'joined') return <Joined key="joined" person={state.person} open={state.open} />;
  return (
    <Choose
      key="choose"
      secret={state.secret}
      invitation={state.invitation}
      onOver={over}
      onJoined={async (person, open) => {
        setState({ is: 'joined', person, open });
        await look();
      }}
    />
  );
}

function CodeForm({ onCode }: { onCode: (code: string) => void }) {
  const [code, setCode] = useState('');
  const [empty, setEmpty] = useState(false);
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <Frame title={t.joinCodeTitle} lead={t.joinCodeText} saying={saying}>
      <form
        class="stack sign-in-typed"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setEmpty(code.trim() === '');
          if (code.trim() !== '') onCode(code.trim());
        }}
      >
        <Field
          label={t.joinCode}
          value={code}
          onInput={(text) => {
            setCode(text);
            setEmpty(false);
          }}
          error={empty ? t.joinCodeShort : undefined}
          autocomplete="one-time-code"
          maxLength={64}
          inputRef={field}
        />
        <Button type="submit" wide>
          {t.goOn}
        </Button>
      </form>
    </Frame>
  );
}

type ChooseProps = Readonly<{
  secret: string;
  invitation: Invitation;
  onOver: (refusal: Refusal) => void;
  onJoined: (person: string, open: boolean) => Promise<void>;
}>;

function Choose({ secret, invitation, onOver, onJoined }: ChooseProps) {
  const { person, kind } = invitation;
  const [password, setPassword] = useState('');
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => field.current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async () => {
    try {
      const joined = await ask('POST /api/invitations/redeem', { body: { secret, password } });
      // The secret is spent: it need not stay in the address and the history.
      history.replaceState(null, '', '/join');
      await onJoined(joined.person.name, joined.stage === 'open');
    } catch (error) {
      const problem = asRefusal(error);
      if (!problem.code.startsWith('invitation-')) throw problem;
      onOver(problem);
    }
  });
  const weak = refusal?.code === 'weak-password';
  return (
    <Frame
      title={kind === 'join' ? t.welcome(person) : t.resetTitle(person)}
      lead={kind === 'join' ? t.welcomeText : t.resetText}
      saying={saying}
    >
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run().then((done) => done || field.current?.focus());
        }}
      >
        <RefusalNote refusal={weak ? undefined : refusal} />
        <input class="only-read" autocomplete="username" value={person} readOnly tabIndex={-1} aria-hidden="true" />
        <NewPasswordField
          label={t.newPassword}
          value={password}
          onInput={(text) => {
            setPassword(text);
            clear();
          }}
          error={weak ? refusal.message : undefined}
          inputRef={field}
        />
        <Button type="submit" busy={busy} disabled={!isLongEnough(password)} wide>
          {t.set}
        </Button>
      </form>
    </Frame>
  );
}

function Joined({ person, open }: { person: string; open: boolean }) {
  return (
    <Frame title={t.joinedTitle(person)} lead={open ? t.joinedOpen : t.joinedMore} saying={saying}>
      <LinkButton href={open ? '/' : '/sign-in'} wide>
        {open ? t.toPhotos : t.toLock}
      </LinkButton>
    </Frame>
  );
}

function Over({ refusal, again }: { refusal: Refusal; again: () => void }) {
  const isOver = refusal.code.startsWith('invitation-');
  return (
    <Frame title={isOver ? t.overTitle : t.failedTitle} lead={refusal.message} saying={saying}>
      <Button
        look="secondary"
        onClick={() => {
          history.replaceState(null, '', '/join');
          again();
        }}
        wide
      >
        {t.codeInstead}
      </Button>
    </Frame>
  );
}
