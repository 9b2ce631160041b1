import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { PasswordField } from '../ui/field.tsx';
import { RefusalNote, Skeleton } from '../ui/parts.tsx';
import { RecoverySheet } from '../ui/recovery-sheet.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

type RecoveryProps = Readonly<{
  firstRun: FirstRun;
  box: string;
  /** Of the claim, while this page has not been loaded anew. */
  password: string | undefined;
  /** That came with the second lock, while this page has not been loaded anew. */
  codes: readonly string[] | undefined;
  onNext: (firstRun: FirstRun) => void;
}>;
type Sheet = Readonly<{ recoveryKey: string; codes: readonly string[] }>;

/** The recovery key, and codes where there are any by now: on one sheet, kept before anything goes on. */
export function RecoveryStep({ firstRun, box, password, codes, onNext }: RecoveryProps) {
  const [sheet, setSheet] = useState<Sheet>();
  const [kept, setKept] = useState(false);
  const person = usePerson();
  const hasFactor = firstRun.steps.lock === 'done';
  const made = useDoing(async (typed: string) => setSheet(await makeSheet(typed, codes, hasFactor)));
  useEffect(() => {
    if (password !== undefined) void made.run(password);
  }, []);
  const next = useDoing(async () => {
    const given = { params: { step: 'recovery' }, body: { state: 'done' } } as const;
    onNext(await ask('PUT /api/first-run/steps/:step', given));
  });
  const making = password !== undefined && made.refusal === undefined;
  return (
    <Frame step="recovery" firstRun={firstRun} title={t.sheetTitle} lead={sheet || making ? t.sheetText : t.sheetAgain}>
      {sheet === undefined && making && (
        <div aria-busy="true">
          <p class="only-read" role="status">
            {t.sheetMaking}
          </p>
          <Skeleton height="16rem" />
        </div>
      )}
      {sheet === undefined && !making && <MakeAgain busy={made.busy} refusal={made.refusal} onMake={made.run} />}
      {sheet !== undefined && (
        <>
          <RecoverySheet box={box} person={person.name} {...sheet} onKept={() => setKept(true)} />
          {sheet.codes.length === 0 && <p class="cap">{firstRun.lock === 'phone' ? t.codesWithPhone : t.codesNone}</p>}
          <RefusalNote refusal={next.refusal} />
          <Buttons>
            <p class="cap" id="keep-first">
              {kept ? '' : t.keepFirst}
            </p>
            <Button busy={next.busy} disabled={!kept} describedBy="keep-first" onClick={() => void next.run()}>
              {t.next}
            </Button>
          </Buttons>
        </>
      )}
    </Frame>
  );
}

/** What was shown and not kept is nowhere: another key, and other codes, take its place. */
async function makeSheet(password: string, codes: readonly string[] | undefined, hasFactor: boolean): Promise<Sheet> {
  const { recoveryKey } = await confirmFirst(() => ask('POST /api/recovery-key', { body: { password } }));
  if (codes !== undefined || !hasFactor) return { recoveryKey, codes: codes ?? [] };
  const renewed = await confirmFirst(() => ask('POST /api/recovery-codes'));
  return { recoveryKey, codes: renewed.codes };
}

type AgainProps = Readonly<{
  busy: boolean;
  refusal: Parameters<typeof RefusalNote>[0]['refusal'];
  onMake: (password: string) => Promise<boolean>;
}>;

function MakeAgain({ busy, refusal, onMake }: AgainProps) {
  const [password, setPassword] = useState('');
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void onMake(password);
      }}
    >
      <RefusalNote refusal={refusal} />
      <PasswordField label={t.sheetPassword} value={password} onInput={setPassword} maxLength={256} required />
      <Buttons>
        <Button type="submit" busy={busy} disabled={password === ''}>
          {t.makeSheet}
        </Button>
      </Buttons>
    </form>
  );
}
