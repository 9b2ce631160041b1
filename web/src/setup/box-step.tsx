import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { adopting } from '../text/en/adopt.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Field } from '../ui/field.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import type { Draft } from './draft.ts';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

const zones = Intl.supportedValuesOf('timeZone');
/** As the box takes them (src/appliance/box-name.ts). */
const nameForm = /^(?!..--)[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** Where a box of that name answers. */
export function addressOf(name: string): string {
  const port = location.protocol === 'https:' && location.port !== '' ? `:${location.port}` : '';
  return `https://${name}.local${port}`;
}

type FieldsProps = Readonly<{
  name: string;
  zone: string;
  onName: (name: string) => void;
  onZone: (zone: string) => void;
}>;

function NameAndZone({ name, zone, onName, onZone }: FieldsProps) {
  const good = nameForm.test(name);
  return (
    <>
      <Field
        label={t.name}
        value={name}
        onInput={(text) => onName(text.trim().toLowerCase())}
        hint={good ? t.address(addressOf(name)) : ''}
        error={good || name === '' ? undefined : t.nameForm}
        autocomplete="off"
        maxLength={40}
        required
      />
      <Field
        label={t.zone}
        value={zone}
        onInput={onZone}
        options={zones}
        hint={t.zoneHint}
        autocomplete="off"
        required
      />
    </>
  );
}

type NewBoxProps = Readonly<{
  draft: Draft;
  /** As the box is called now. */
  box: string;
  fromLink: boolean;
  /** Why the code of before will not do. */
  wrongCode: string | undefined;
  onNext: (draft: Draft) => void;
  /** There is a disk of another box: with the code as far as it is typed. */
  onAdopt: (code: string) => void;
}>;

/** Before the box has an owner: kept in this tab until it has. */
export function NewBoxStep({ draft, box, fromLink, wrongCode, onNext, onAdopt }: NewBoxProps) {
  const [code, setCode] = useState(draft.code);
  const [name, setName] = useState(draft.name ?? box);
  const [timeZone, setZone] = useState(draft.timeZone);
  const [wrong, setWrong] = useState(wrongCode);
  const field = useRef<HTMLInputElement | null>(null);
  const typed = !fromLink || wrongCode !== undefined;
  useEffect(() => {
    if (typed && code === '') field.current?.focus();
    if (wrongCode !== undefined) field.current?.select();
  }, []);
  return (
    <Frame step="box" title={t.boxTitle} lead={t.boxText}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onNext({ ...draft, code: code.trim(), name, timeZone: timeZone.trim(), at: 'you' });
        }}
      >
        {typed ? (
          <Field
            label={t.code}
            value={code}
            onInput={(text) => {
              setCode(text);
              setWrong(undefined);
            }}
            hint={t.codeHint}
            error={wrong}
            autocomplete="off"
            maxLength={64}
            inputRef={field}
            required
          />
        ) : (
          <p class="cap">{t.codeFromLink}</p>
        )}
        <NameAndZone name={name} zone={timeZone} onName={setName} onZone={setZone} />
        <Buttons>
          <Button look="quiet" onClick={() => onAdopt(code.trim())}>
            {adopting.offer}
          </Button>
          <Button type="submit" disabled={code.trim() === '' || !nameForm.test(name) || timeZone.trim() === ''}>
            {t.next}
          </Button>
        </Buttons>
      </form>
    </Frame>
  );
}

type OwnBoxProps = Readonly<{
  firstRun: FirstRun;
  /** Why what was chosen with the claim was not taken. */
  problem: string | undefined;
  onNext: (firstRun: FirstRun) => void;
}>;

/** The box has an owner, and what it is called was not settled. */
export function OwnBoxStep({ firstRun, problem, onNext }: OwnBoxProps) {
  const { answer: box, refusal, again } = useAsk((signal) => ask('GET /api/box', { signal }));
  const [name, setName] = useState<string>();
  const [zone, setZone] = useState<string>();
  const shown = { name: name ?? box?.chosenName ?? '', zone: zone ?? box?.timeZone ?? '' };
  const doing = useDoing(async () => {
    const body = { name: shown.name, timeZone: shown.zone.trim() };
    await confirmFirst(() => ask('PATCH /api/box', { body }));
    onNext(await ask('PUT /api/first-run/steps/:step', { params: { step: 'box' }, body: { state: 'done' } }));
  });
  return (
    <Frame step="box" firstRun={firstRun} title={t.boxTitle} lead={t.boxText}>
      {problem !== undefined && (
        <p class="setup-note" role="status">
          {problem}
        </p>
      )}
      {box === undefined ? (
        refusal === undefined ? (
          <Skeleton height="14rem" />
        ) : (
          <CouldNotLoad refusal={refusal} again={again} />
        )
      ) : (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void doing.run();
          }}
        >
          <RefusalNote refusal={doing.refusal} />
          <NameAndZone name={shown.name} zone={shown.zone} onName={setName} onZone={setZone} />
          <Buttons>
            <Button type="submit" busy={doing.busy} disabled={!nameForm.test(shown.name) || shown.zone.trim() === ''}>
              {t.next}
            </Button>
          </Buttons>
        </form>
      )}
    </Frame>
  );
}
