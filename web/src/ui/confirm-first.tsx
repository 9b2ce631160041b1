/**
 * Owns "is it still you?": what the box does only for a session that was confirmed in the last 10 minutes is asked for
 * again after a password or a one-time code. One place in the app; pages wrap their action in `confirmFirst`.
 */
import { useEffect, useState } from 'preact/hooks';
import { ask, Refusal } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Field, PasswordField } from './field.tsx';
import { RefusalNote } from './parts.tsx';

type Waiting = Readonly<{ confirmed: () => void; left: () => void }>;
let show: ((waiting: Waiting) => void) | undefined;

/** Runs `action`; where the box wants to be sure first, asks the person and runs it again. Leaving throws `cancelled`. */
export async function confirmFirst<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'confirm-first' || show === undefined) throw error;
    await new Promise<void>((resolve, reject) => {
      show?.({ confirmed: resolve, left: () => reject(new Refusal('cancelled', common.notDone)) });
    });
    return action();
  }
}

/** Stands once in the app. */
export function ConfirmHost() {
  const [waiting, setWaiting] = useState<Waiting>();
  useEffect(() => {
    show = setWaiting;
    return () => {
      show = undefined;
    };
  }, []);
  const leave = () => {
    waiting?.left();
    setWaiting(undefined);
  };
  return (
    <Dialog title={common.confirmTitle} open={waiting !== undefined} onClose={leave}>
      <ConfirmForm
        onConfirmed={() => {
          waiting?.confirmed();
          setWaiting(undefined);
        }}
        onLeave={leave}
      />
    </Dialog>
  );
}

function ConfirmForm({ onConfirmed, onLeave }: { onConfirmed: () => void; onLeave: () => void }) {
  const [by, setBy] = useState<'password' | 'code'>('password');
  const [text, setText] = useState('');
  const { busy, refusal, run, clear } = useDoing(async () => {
    const body = by === 'password' ? { password: text } : { code: text.replace(/\s/g, '') };
    await ask('POST /api/sessions/current/confirm', { body });
    onConfirmed();
  });
  const change = (next: typeof by) => {
    setBy(next);
    setText('');
    clear();
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <p class="second">{common.confirmText}</p>
      <RefusalNote refusal={refusal} />
      {by === 'password' ? (
        <PasswordField label={common.password} value={text} onInput={setText} required />
      ) : (
        <Field
          label={common.oneTimeCode}
          value={text}
          onInput={setText}
          inputMode="numeric"
          autocomplete="one-time-code"
          required
        />
      )}
      <div class="buttons">
        <Button type="submit" busy={busy} disabled={text === ''}>
          {common.confirm}
        </Button>
        <Button look="secondary" onClick={onLeave}>
          {common.cancel}
        </Button>
        <Button look="quiet" onClick={() => change(by === 'password' ? 'code' : 'password')}>
          {by === 'password' ? common.byCode : common.byPassword}
        </Button>
      </div>
    </form>
  );
}
