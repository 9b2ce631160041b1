import { channels as t } from '../text/en/channels.ts';
import { SelectField, Switch } from './field.tsx';

export type Choices = Readonly<{ enabled: boolean; alerts: 'all' | 'act' | 'none'; reports: boolean }>;
export const firstChoices: Choices = { enabled: true, alerts: 'all', reports: true };

type ChoicesProps = Readonly<{ choices: Choices; onChange: (choices: Choices) => void }>;

/** What a channel is to tell, and whether at all. */
export function ChannelChoices({ choices, onChange }: ChoicesProps) {
  return (
    <>
      <SelectField
        label={t.alerts}
        value={choices.alerts}
        options={[
          { value: 'all', label: t.alertsAll },
          { value: 'act', label: t.alertsAct },
          { value: 'none', label: t.alertsNone },
        ]}
        onChange={(alerts) => onChange({ ...choices, alerts })}
      />
      <Switch label={t.reports} on={choices.reports} onChange={(reports) => onChange({ ...choices, reports })} />
      <Switch
        label={t.enabled}
        hint={t.enabledHint}
        on={choices.enabled}
        onChange={(enabled) => onChange({ ...choices, enabled })}
      />
    </>
  );
}
