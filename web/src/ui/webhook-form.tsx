import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { channels as t } from '../text/en/channels.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { ChannelChoices, firstChoices } from './channel-choices.tsx';
import { confirmFirst } from './confirm-first.tsx';
import { Check, Field, PasswordField, SelectField } from './field.tsx';
import { RefusalNote } from './parts.tsx';
import { type Channels, WhereTo } from './where-to.tsx';

type Hook = NonNullable<Channels['webhook']>;
type FormProps = Readonly<{
  webhook: Hook | null;
  onSaved: (channels: Channels) => void;
  onClose: () => void;
}>;

export function WebhookForm({ webhook, onSaved, onClose }: FormProps) {
  const [url, setUrl] = useState('');
  const [format, setFormat] = useState<Hook['format']>(webhook?.format ?? 'ntfy');
  const [token, setToken] = useState('');
  const [forget, setForget] = useState(false);
  const [choices, setChoices] = useState(webhook ?? firstChoices);
  const { busy, refusal, run } = useDoing(async () => {
    const { enabled, alerts, reports } = choices;
    const secret = forget ? { token: null } : token.trim() === '' ? {} : { token: token.trim() };
    const body = { enabled, alerts, reports, format, ...(url.trim() === '' ? {} : { url: url.trim() }), ...secret };
    onSaved(await confirmFirst(() => ask('PUT /api/channels/webhook', { body })));
  });
  const shown = url.trim() === '' ? webhook?.origin : url.trim();
  const at = shown !== undefined && URL.canParse(shown) ? new URL(shown) : undefined;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <Field
        label={t.address}
        type="url"
        value={url}
        onInput={setUrl}
        hint={webhook === null ? t.addressHint : t.addressKept(webhook.origin)}
        maxLength={2_048}
        autocomplete="off"
        required={webhook === null}
      />
      <SelectField
        label={t.format}
        value={format}
        options={[
          { value: 'ntfy', label: t.formatNtfy },
          { value: 'json', label: t.formatJson },
        ]}
        onChange={setFormat}
      />
      <PasswordField
        label={t.token}
        value={token}
        onInput={setToken}
        hint={webhook?.tokenSet === true ? t.tokenKept : t.tokenHint}
        maxLength={512}
        autocomplete="off"
        disabled={forget}
      />
      {webhook?.tokenSet === true && (
        <Check checked={forget} onChange={setForget}>
          {t.tokenForget}
        </Check>
      )}
      <ChannelChoices choices={choices} onChange={setChoices} />
      {at !== undefined && <WhereTo host={at.hostname} clear={at.protocol === 'http:'} />}
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button type="submit" busy={busy}>
          {t.save(t.webhook)}
        </Button>
        <Button look="quiet" onClick={onClose}>
          {common.cancel}
        </Button>
      </div>
    </form>
  );
}
