/** Owns the page on which a phone is paired: for whom, then the picture and the code, then what joined. */
import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { phones as t } from '../text/en/phones.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Page } from '../ui/page.tsx';
import { PairingPanel } from '../ui/pairing-panel.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { keptPairing } from '../ui/use-pairing.ts';
import './phones.css';

type Person = ReplyOf<'GET /api/people'>['people'][number];
const back = { href: '/phones', label: t.title };
const somebodyNew = '';
const personNameMax = 64;

/** `?for=NAME`: whose phone it will be; `?replaces=ID`: whose place it takes. */
export function PairAPhone() {
  const { query } = useRoute();
  const { role, name } = usePerson();
  const { replaces, for: person } = query as { replaces?: string; for?: string };
  if (replaces !== undefined) return <Replacing key={replaces} id={replaces} />;
  if (person !== undefined && role === 'owner') return <Pairing key={person} person={person} />;
  return role === 'owner' ? <ForWhom /> : <Pairing person={name} />;
}

/** Alone in the house there is nothing to ask. */
function ForWhom() {
  const { answer, refusal, again } = useAsk(async (signal) => {
    const { people } = await ask('GET /api/people', { signal });
    return people.filter(({ removedAt, erasedAt }) => removedAt === null && erasedAt === null);
  });
  const { name } = usePerson();
  if (answer !== undefined && answer.length < 2) return <Pairing person={name} />;
  return (
    <Page title={t.pairTitle} back={back}>
      {answer === undefined && refusal === undefined && <Skeleton height="20rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && <Choice people={answer} />}
    </Page>
  );
}

function Choice({ people }: { people: readonly Person[] }) {
  const own = usePerson();
  const { route } = useLocation();
  const [chosen, setChosen] = useState(own.name);
  const [added, setAdded] = useState('');
  const going = useDoing(async () => {
    if (chosen === somebodyNew) await ask('POST /api/people', { body: { person: added.trim() } });
    route(`/phones/pair?for=${encodeURIComponent(chosen === somebodyNew ? added.trim() : chosen)}`);
  });
  const choices = [
    ...people.map(({ name, id }) => ({ value: name, label: id === own.id ? t.whoYou(name) : name })),
    { value: somebodyNew, label: t.whoNew },
  ];
  return (
    <form
      class="card stack phones-who-for"
      onSubmit={(event) => {
        event.preventDefault();
        void going.run();
      }}
    >
      <fieldset>
        <legend class="head">{t.whoTitle}</legend>
        {choices.map(({ value, label }) => (
          <label key={value} class="check">
            <input type="radio" name="person" checked={chosen === value} onChange={() => setChosen(value)} />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      {chosen === somebodyNew && (
        <Field
          label={t.whoNewName}
          value={added}
          onInput={setAdded}
          hint={t.whoNewHint}
          maxLength={personNameMax}
          autocomplete="off"
          required
        />
      )}
      <RefusalNote refusal={going.refusal} />
      <div class="buttons">
        <Button type="submit" busy={going.busy} disabled={chosen === somebodyNew && added.trim() === ''}>
          {t.showCode}
        </Button>
      </div>
    </form>
  );
}

function Pairing({ person }: { person: string }) {
  const own = usePerson();
  const [choosing, setChoosing] = useState(false);
  const [joined, setJoined] = useState<string>();
  const people = useAsk(
    async (signal) => {
      if (!choosing) return [];
      return (await ask('GET /api/people', { signal })).people.filter(({ removedAt }) => removedAt === null);
    },
    [choosing],
  );
  if (choosing) {
    return (
      <Page title={t.pairTitle} back={back}>
        {people.answer === undefined || people.answer.length === 0 ? (
          <Skeleton height="20rem" />
        ) : (
          <Choice people={people.answer} />
        )}
      </Page>
    );
  }
  return (
    <Page title={t.pairTitle} back={back}>
      <p class="second">{person === own.name ? t.pairForYou : t.pairFor(person)}</p>
      <PairingPanel
        person={person}
        onJoined={({ phoneId }) => setJoined(phoneId)}
        onTurnedAway={() => setJoined(undefined)}
      />
      <After joined={joined} />
      {joined === undefined && own.role === 'owner' && (
        <div class="phones-else">
          <Button look="quiet" onClick={() => setChoosing(true)}>
            {t.somebodyElse}
          </Button>
        </div>
      )}
    </Page>
  );
}

function After({ joined }: { joined: string | undefined }) {
  if (joined === undefined) return null;
  return (
    <div class="buttons">
      <LinkButton href={`/phones/${joined}`}>{t.showPhone}</LinkButton>
      <LinkButton look="secondary" href="/phones">
        {t.toPhones}
      </LinkButton>
    </div>
  );
}

/** The old one goes on until the new one joined; what ends and what goes on is said before the code is made. */
function Replacing({ id }: { id: string }) {
  const { answer, refusal, again } = useAsk(async (signal) => {
    const [{ phones }, kept] = await Promise.all([
      ask('GET /api/phones', { signal }),
      keptPairing({ replaces: id }, signal),
    ]);
    return { phones, kept: kept !== undefined };
  });
  const [begun, setBegun] = useState(false);
  const [joined, setJoined] = useState<string>();
  // A page that is loaded again goes on with the code that it had.
  const started = begun || answer?.kept === true;
  const phone = answer?.phones.find((one) => one.id === id);
  // Once it was replaced, its name is the new one's.
  const [name, setName] = useState('');
  if (phone !== undefined && name === '') setName(phone.name);
  if (answer === undefined) {
    return (
      <Page title={t.pairTitle} back={back}>
        {refusal === undefined ? (
          <Skeleton height="20rem" />
        ) : (
          <CouldNotLoad refusal={refusal} again={() => void again()} />
        )}
      </Page>
    );
  }
  if (phone === undefined && !started) {
    return (
      <Page title={t.pairTitle} back={back}>
        <p class="measure">{t.gone}</p>
      </Page>
    );
  }
  return (
    <Page title={t.replaceTitle(name)} back={{ href: `/phones/${id}`, label: name }}>
      <p class="second measure">{t.replaceText}</p>
      {started ? (
        <>
          <PairingPanel
            replaces={id}
            onJoined={({ phoneId }) => setJoined(phoneId)}
            onTurnedAway={() => setJoined(undefined)}
          />
          <After joined={joined} />
        </>
      ) : (
        <>
          <div class="card phones-passes">
            <Passes title={t.endsTitle} list={t.ends} />
            <Passes title={t.goesOnTitle} list={t.goesOn} />
          </div>
          <div class="buttons">
            <Button onClick={() => setBegun(true)}>{t.move}</Button>
          </div>
        </>
      )}
    </Page>
  );
}

function Passes({ title, list }: { title: string; list: readonly string[] }) {
  return (
    <section>
      <h2 class="head">{title}</h2>
      <ul class="second">
        {list.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </section>
  );
}
