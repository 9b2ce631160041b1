import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { channels as t } from '../text/en/channels.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { ChannelChoices, firstChoices } from './channel-choices.tsx';
import { confirmFirst } from './confirm-first.tsx';
import { Field, PasswordField, SelectField } from './field.tsx';
import { RefusalNote } from './parts.tsx';
import { type Channels, WhereTo } from './where-to.tsx';

type Mail = NonNullable<Channels['mail']>;
const usualPorts = { tls: '465', starttls: '587', none: '25' } as const;

type FormProps = Readonly<{
  mail: Mail | null;
  onSaved: (channels: Channels) => void;
  onClose: () => void;
}>;

export function MailForm({ mail, onSaved, onClose }: FormProps) {
  const [host, setHost] = useState(mail?.host ?? '');
  const [security, setSecurity] = useState<Mail['security']>(mail?.security ?? 'tls');
  const [port, setPort] = useState(String(mail?.port ?? usualPorts.tls));
  const [user, setUser] = useState(mail?.user ?? '');
  const [password, setPassword] = useState('');
  const [from, setFrom] = useState(mail?.from ?? '');
  const [to, setTo] = useState(mail?.to.join(', ') ?? '');
  const [choices, setChoices] = useState(mail ?? firstChoices);
  const { busy, refusal, run } = useDoing(async () => {
    const { enabled, alerts, reports } = choices;
    const addresses = to.split(/[,;\s]+/).filter((one) => one !== '');
    const body = {
      ...{ enabled, alerts, reports, host: host.trim(), port: Number(port), security },
      ...{ user: user.trim() === '' ? null : user.trim(), from: from.trim(), to: addresses },
      ...(password === '' ? {} : { password }),
    };
    onSaved(await confirmFirst(() => ask('PUT /api/channels/mail', { body })));
  });
  const secure = (next: Mail['security']) => {
    if (Object.values<string>(usualPorts).includes(port)) setPort(usualPorts[next]);
    setSecurity(next);
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <div class="channel-pair">
        <Field
          label={t.host}
          value={host}
          onInput={setHost}
          hint={t.hostHint}
          maxLength={253}
          autocomplete="off"
          required
        />
        <Field
          label={t.port}
          value={port}
          onInput={setPort}
          inputMode="numeric"
          maxLength={5}
          autocomplete="off"
          required
        />
      </div>
      <SelectField
        label={t.security}
        value={security}
        options={[
          { value: 'tls', label: t.securityTls },
          { value: 'starttls', label: t.securityStartTls },
          { value: 'none', label: t.securityNone },
        ]}
        onChange={secure}
      />
      <Field label={t.user} value={user} onInput={setUser} hint={t.userHint} maxLength={254} autocomplete="off" />
      {user.trim() !== '' && (
        <PasswordField
          label={t.password}
          value={password}
          onInput={setPassword}
          hint={mail?.passwordSet === true ? t.passwordKept : t.passwordHint}
          maxLength={512}
          autocomplete="off"
        />
      )}
      <Field label={t.from} type="email" value={from} onInput={setFrom} maxLength={254} autocomplete="off" required />
      <Field
        label={t.toField}
        value={to}
        onInput={setTo}
        hint={t.toHint}
        maxLength={1_300}
        autocomplete="off"
        required
      />
      <ChannelChoices choices={choices} onChange={setChoices} />
      <WhereTo host={host.trim()} clear={security === 'none'} />
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button type="submit" busy={busy}>
          {t.save(t.mail)}
        </Button>
        <Button look="quiet" onClick={onClose}>
          {common.cancel}
        </Button>
      </div>
    </form>
  );
}
