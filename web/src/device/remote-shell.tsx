/**
 * Owns the page about coming in by ssh: off, what it means, and whose keys open it. The owner's alone; shown by the app at
 * /settings/remote-shell.
 */
import { CircleCheck, KeyRound, TriangleAlert } from 'lucide';
import { useId, useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { device, remoteShell as t } from '../text/en/device.ts';
import { settings } from '../text/en/settings.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { Switch } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { NotHere } from '../ui/not-here.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import './device.css';

type Shell = ReplyOf<'GET /api/box/remote-shell'>;
type Key = Shell['keys'][number];
type Put = (shell: Shell) => void;

const keysMax = 8;
const textCharsMax = 16_384;
const setMsMax = 120_000;
/** The box looks again, and closer. */
const publicKey = /^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]{64,}={0,2}( .*)?$/;

export function RemoteShellPage() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/box/remote-shell', { signal }));
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer?.appliance === false && <NotHere text={device.notHereShell} />}
      {answer?.appliance === true && (
        <>
          <p class="device-verdict">{answer.on ? t.leadOn(answer.keys.length) : t.leadOff}</p>
          <div class="device-columns">
            <div>
              <SwitchCard shell={answer} put={put} />
              <KeysCard shell={answer} put={put} />
            </div>
            <Means />
          </div>
        </>
      )}
    </Page>
  );
}

function Means() {
  return (
    <section class="card stack">
      <div class="device-warn">
        <Icon of={TriangleAlert} />
        <p>{t.means}</p>
      </div>
      <ul class="device-means second">
        {t.limits.map((line) => (
          <li key={line}>
            <Icon of={CircleCheck} size={18} />
            <span>{line}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

async function set(shell: Readonly<{ on: boolean; keys: readonly Key[] }>): Promise<Shell> {
  const body = { on: shell.on, keys: shell.keys.map(({ line }) => line) };
  return await confirmFirst(() => ask('PUT /api/box/remote-shell', { body, waitMs: setMsMax }));
}

function SwitchCard({ shell, put }: { shell: Shell; put: Put }) {
  const turning = useDoing(async (on: boolean) => {
    put(await set({ ...shell, on }));
    say(on ? t.turnedOn : t.turnedOff);
  });
  const none = shell.keys.length === 0;
  return (
    <section class="card stack">
      <Switch
        label={t.on}
        hint={none ? t.needsKey : t.onHint}
        on={shell.on}
        disabled={turning.busy || (none && !shell.on)}
        onChange={(on) => void turning.run(on)}
      />
      <RefusalNote refusal={turning.refusal} />
      {shell.on && <CopyLine label={t.command} text={`ssh ${shell.user}@${location.hostname}`} />}
    </section>
  );
}

function KeysCard({ shell, put }: { shell: Shell; put: Put }) {
  const { keys } = shell;
  const removing = useDoing(async (fingerprint: string) => {
    const left = keys.filter((key) => key.fingerprint !== fingerprint);
    // The last one that goes takes the way in with it.
    put(await set({ on: shell.on && left.length > 0, keys: left }));
    say(t.removed);
  });
  return (
    <section class="card stack" aria-labelledby="keys">
      <h2 class="head" id="keys">
        {t.keys}
      </h2>
      {keys.length === 0 && <p class="second">{t.keysNone}</p>}
      <RefusalNote refusal={removing.refusal} />
      {keys.length > 0 && (
        <ul class="rows">
          {keys.map((key) => (
            <li key={key.fingerprint} class="device-line">
              <Icon of={KeyRound} />
              <div class="words">
                <p class="strong">{nameOf(key)}</p>
                <p class="cap mono">{key.fingerprint}</p>
              </div>
              <Button
                look="secondary"
                busy={removing.busy}
                label={t.removeThis(nameOf(key))}
                onClick={() => void removing.run(key.fingerprint)}
              >
                {t.remove}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {keys.length < keysMax ? <AddKey shell={shell} put={put} /> : <p class="cap">{t.full}</p>}
    </section>
  );
}

function nameOf({ line }: Key): string {
  return line.split(' ').slice(2).join(' ') || t.noName;
}

function AddKey({ shell, put }: { shell: Shell; put: Put }) {
  const id = useId();
  const [text, setText] = useState('');
  const lines = text.split('\n').flatMap((line) => line.trim().replace(/\s+/g, ' ') || []);
  const secret = text.includes('PRIVATE KEY');
  const wrong = lines.some((line) => !publicKey.test(line));
  const many = shell.keys.length + lines.length > keysMax;
  const { busy, refusal, run } = useDoing(async () => {
    put(await set({ on: shell.on, keys: [...shell.keys, ...lines.map((line) => ({ line, fingerprint: '' }))] }));
    setText('');
    say(t.added);
  });
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <div class="field">
        <label for={id}>{t.add}</label>
        <textarea
          id={id}
          class="input"
          value={text}
          maxLength={textCharsMax}
          spellcheck={false}
          autocapitalize="none"
          autocomplete="off"
          aria-invalid={wrong ? 'true' : undefined}
          aria-describedby={`${id}-hint`}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p id={`${id}-hint`} class={wrong ? 'hint error' : 'hint'} role={wrong ? 'alert' : undefined}>
          {secret ? t.addPrivate : wrong ? t.addWrong : many ? t.full : t.addHint}
        </p>
      </div>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button type="submit" look="secondary" busy={busy} disabled={lines.length === 0 || wrong || many}>
          {t.addDo}
        </Button>
      </div>
    </form>
  );
}
