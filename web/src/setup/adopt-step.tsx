import { CircleCheck, HardDrive } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { adopting as t } from '../text/en/adopt.ts';
import { setup as words } from '../text/en/setup.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Field, PasswordField, SelectField } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { Avatar, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { addressOf } from './box-step.tsx';
import type { Draft } from './draft.ts';
import { Buttons, Frame } from './frame.tsx';

type Found = ReplyOf<'POST /api/setup/adopt/look'>;
type Adopted = ReplyOf<'POST /api/setup/adopt'>;
/** Opening a sealed copy and checking a whole catalogue takes its time. */
const adoptMsMax = 10 * 60_000;
const upAgainMs = 2_000;

type AdoptProps = Readonly<{
  draft: Draft;
  fromLink: boolean;
  onCode: (code: string) => void;
  onBack: () => void;
  /** This browser need keep nothing of the set-up any more. */
  onAdopted: () => void;
}>;

/** Instead of a new box: the one whose library is on the disk that is attached. */
export function AdoptStep({ draft, fromLink, onCode, onBack, onAdopted }: AdoptProps) {
  const [found, setFound] = useState<Found>();
  const [adopted, setAdopted] = useState<Adopted>();
  const code = draft.code.trim();
  const look = useDoing(async () => setFound(await ask('POST /api/setup/adopt/look', { body: { code } })));
  const wrongCode = look.refusal?.code === 'wrong-setup-code' ? look.refusal.message : undefined;
  if (adopted !== undefined) return <UpAgain adopted={adopted} />;
  return (
    <Frame step="box" title={t.title} lead={t.lead}>
      <p class="measure">{t.plug}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void look.run();
        }}
      >
        {fromLink && wrongCode === undefined ? (
          <p class="cap">{words.codeFromLink}</p>
        ) : (
          <Field
            label={words.code}
            value={draft.code}
            onInput={(text) => {
              look.clear();
              onCode(text);
            }}
            hint={words.codeHint}
            error={wrongCode}
            autocomplete="off"
            maxLength={64}
            required
          />
        )}
        <RefusalNote refusal={wrongCode === undefined ? look.refusal : undefined} />
        <div class="buttons">
          <Button
            type="submit"
            look={found === undefined ? 'primary' : 'secondary'}
            busy={look.busy}
            disabled={code === ''}
          >
            {found === undefined ? t.look : t.lookAgain}
          </Button>
        </div>
        <p class="cap">{t.looking}</p>
      </form>
      {found !== undefined && (
        <OnTheDisk
          key={found.copies[0]?.name}
          found={found}
          code={code}
          onAdopted={(done) => {
            setAdopted(done);
            say(t.adopted(done.box));
            onAdopted();
          }}
        />
      )}
      <Buttons>
        <Button look="quiet" onClick={onBack}>
          {t.backToNew}
        </Button>
      </Buttons>
    </Frame>
  );
}

type OnDiskProps = Readonly<{ found: Found; code: string; onAdopted: (adopted: Adopted) => void }>;

/** What lies there, as far as it is said without the owner's secret; and the secret. */
function OnTheDisk({ found, code, onAdopted }: OnDiskProps) {
  const now = boxNow();
  const [copy, setCopy] = useState(found.copies[0]?.name ?? '');
  const [by, setBy] = useState<'password' | 'recoveryKey'>('password');
  const [secret, setSecret] = useState('');
  const chosen = found.copies.find(({ name }) => name === copy);
  const keyOnly = chosen?.opensByPassword === false;
  const withKey = keyOnly || by === 'recoveryKey';
  const adopt = useDoing(async () => {
    const body = withKey ? { code, copy, recoveryKey: secret.trim() } : { code, copy, password: secret };
    onAdopted(await ask('POST /api/setup/adopt', { body, waitMs: adoptMsMax }));
  });
  const type = (text: string) => {
    setSecret(text);
    adopt.clear();
  };
  return (
    <>
      <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="adopt-found">
        <h2 class="head setup-found" id="adopt-found">
          <Icon of={HardDrive} />
          {t.found(found.box)}
        </h2>
        <p class="strong num">{t.holds(found)}</p>
        {chosen !== undefined && <p class="cap">{t.copyAt(chosen.madeAt, now)}</p>}
        <div>
          <p class="label">{t.what}</p>
          <ul class="setup-comes">
            {t.comes.map((one) => (
              <li key={one}>
                <Icon of={CircleCheck} size={16} />
                <span>{one}</span>
              </li>
            ))}
          </ul>
        </div>
      </section>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void adopt.run();
        }}
      >
        {found.copies.length > 1 && (
          <SelectField
            label={t.copies}
            value={copy}
            options={found.copies.map(({ name, madeAt }, at) => ({
              value: name,
              label: t.copyOption(madeAt, now, at === 0),
            }))}
            onChange={setCopy}
          />
        )}
        <RefusalNote refusal={adopt.refusal} />
        {withKey ? (
          <Field
            key="key"
            label={t.byKey}
            value={secret}
            onInput={type}
            hint={keyOnly ? t.keyOnly : ''}
            autocomplete="off"
            maxLength={256}
            required
          />
        ) : (
          <PasswordField key="password" label={t.byPassword} value={secret} onInput={type} maxLength={256} required />
        )}
        <Buttons>
          {!keyOnly && (
            <Button
              look="quiet"
              onClick={() => {
                setBy(withKey ? 'password' : 'recoveryKey');
                type('');
              }}
            >
              {withKey ? t.usePassword : t.useKey}
            </Button>
          )}
          <Button type="submit" busy={adopt.busy} disabled={secret === ''}>
            {t.adopt(found.box)}
          </Button>
        </Buttons>
      </form>
    </>
  );
}

/** It starts anew; then it is the old box, with its people, and at its address. */
function UpAgain({ adopted: { box, people, phones } }: { adopted: Adopted }) {
  const [up, setUp] = useState(false);
  useEffect(() => {
    if (up) return;
    const timer = window.setInterval(() => {
      void ask('GET /api/setup')
        .then(({ claimed }) => claimed && setUp(true))
        .catch(() => undefined);
    }, upAgainMs);
    return () => window.clearInterval(timer);
  }, [up]);
  const address = addressOf(box);
  return (
    <Frame step="box" title={t.adopted(box)}>
      <p class="second measure" role="status">
        {up ? t.ready : t.restarting}
      </p>
      <section class="card stack" style={{ '--gap': 'var(--s3)' }}>
        <ul class="rows setup-people" aria-label={t.peopleLabel}>
          {people.map(({ name, files }) => (
            <li key={name}>
              <Avatar name={name} />
              <span class="strong">{name}</span>
              <span class="cap num">{t.person(files)}</span>
            </li>
          ))}
        </ul>
        <p class="second">{t.phones(phones)}</p>
      </section>
      {!up && <Skeleton height="var(--control)" />}
      {up && (
        <Buttons>
          <LinkButton href="/sign-in" plain>
            {t.signIn}
          </LinkButton>
        </Buttons>
      )}
      {location.protocol === 'https:' && (
        <p class="cap">
          <a href={`${address}/sign-in`}>{t.elsewhere(address)}</a>
        </p>
      )}
    </Frame>
  );
}
