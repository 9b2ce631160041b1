import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { PasswordField } from '../ui/field.tsx';
import { Page, say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';

const charactersMin = 15;

export function PasswordPage() {
  const { route } = useLocation();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const length = [...next.normalize('NFC')].length;
  const different = again !== '' && again !== next;
  const { busy, refusal, run } = useDoing(async () => {
    await confirmFirst(() => ask('PUT /api/password', { body: { current, password: next, again } }));
    route('/security');
    say(t.passwordChanged);
  });
  return (
    <Page title={t.passwordTitle} back={{ href: '/security', label: t.title }}>
      <form
        class="card stack security-form"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <RefusalNote refusal={refusal} />
        <PasswordField label={t.current} value={current} onInput={setCurrent} required />
        <PasswordField
          label={t.next}
          value={next}
          onInput={setNext}
          autocomplete="new-password"
          required
          hint={length === 0 ? t.nextHint : length < charactersMin ? t.characters(length) : t.longEnough(length)}
        />
        <PasswordField
          label={t.again}
          value={again}
          onInput={setAgain}
          autocomplete="new-password"
          required
          error={different ? t.different : undefined}
        />
        <div class="buttons">
          <Button type="submit" busy={busy} disabled={current === '' || length < charactersMin || again !== next}>
            {t.changePassword}
          </Button>
          <LinkButton look="secondary" href="/security">
            {common.cancel}
          </LinkButton>
        </div>
      </form>
    </Page>
  );
}
