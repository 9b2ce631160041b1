import {
  Clock,
  FileX,
  HardDrive,
  Mail,
  Moon,
  ScrollText,
  ShieldOff,
  Smartphone,
  Thermometer,
  TriangleAlert,
  Video,
} from 'lucide';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { alertWords, alerts as t } from '../text/en/alerts.ts';
import { AwayDialog } from './away-dialog.tsx';
import { Button, LinkButton } from './button.tsx';
import { Icon, type IconNode } from './icon.tsx';
import { say } from './page.tsx';
import { RefusalNote } from './parts.tsx';
import './alert-card.css';

type ShownAlert = ReplyOf<'GET /api/home'>['needs'][number];
const icons: Readonly<Record<string, IconNode>> = {
  'refused-files': FileX,
  'second-factor-missing': ShieldOff,
  'clock-behind': Clock,
  'clock-ahead': Clock,
  'video-tools-missing': Video,
  'phone-silent': Moon,
  'phone-stalled': Smartphone,
  'temperature-high': Thermometer,
  'certificate-expiring': ScrollText,
  'channel-failing': Mail,
};

function iconOf(code: string): IconNode {
  return icons[code] ?? (/^(disk|mirror)-/.test(code) ? HardDrive : TriangleAlert);
}

type CardProps = Readonly<{
  alert: ShownAlert;
  /** It was acknowledged, or somebody is away: look again. */
  onChanged: () => void;
  children?: ComponentChildren;
}>;

/** What needs somebody: what happened, what is still true, what to do, and a quiet way to say that one knows. */
export function AlertCard({ alert, onChanged, children }: CardProps) {
  const { code, severity, params, id } = alert;
  const me = usePerson();
  const own = params['person'] === me.name;
  const { title, sentences, action, more } = alertWords(alert, { own, now: boxNow() });
  const [away, setAway] = useState(false);
  const seen = useDoing(async () => {
    if (id === null) return;
    await ask('POST /api/alerts/:id/acknowledge', { params: { id } });
    say(t.seenSaid);
    onChanged();
  });
  const phone = code === 'phone-silent' ? { id: String(params['phone']), name: String(params['name']) } : undefined;
  return (
    <section class={`card alert-card ${severity}`}>
      <Icon of={iconOf(code)} />
      <h2 class="head">{title}</h2>
      <p class="second measure">{sentences.join(' ')}</p>
      {children}
      <RefusalNote refusal={seen.refusal} />
      {(action !== undefined || id !== null) && (
        <div class="buttons">
          {action !== undefined && (
            <LinkButton look={severity === 'act' ? 'primary' : 'secondary'} href={action.href}>
              {action.label}
            </LinkButton>
          )}
          {more !== undefined && (
            <LinkButton look="quiet" href={more.href}>
              {more.label}
            </LinkButton>
          )}
          {phone !== undefined && (
            <Button look="quiet" onClick={() => setAway(true)}>
              {own ? t.awayOwn : t.away(String(params['person']))}
            </Button>
          )}
          {id !== null && (
            <Button look="quiet" busy={seen.busy} label={t.seenThis(title)} onClick={() => void seen.run()}>
              {t.seenAction}
            </Button>
          )}
        </div>
      )}
      {phone !== undefined && (
        <AwayDialog
          phone={phone}
          open={away}
          onClose={() => setAway(false)}
          onSaved={() => {
            setAway(false);
            onChanged();
          }}
        />
      )}
    </section>
  );
}
