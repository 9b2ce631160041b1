import { Clock, FileX, HardDrive, ShieldOff, TriangleAlert, Video } from 'lucide';
import { useState } from 'preact/hooks';
import type { ReplyOf } from '../ask/ask.ts';
import { alertWords, home as t } from '../text/en/home.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';

type Alert = ReplyOf<'GET /api/home'>['needs'][number];
const shownAtFirst = 2;
const icons: Readonly<Record<string, IconNode>> = {
  'refused-files': FileX,
  'second-factor-missing': ShieldOff,
  'clock-behind': Clock,
  'video-tools-missing': Video,
};

function iconOf(code: string): IconNode {
  return icons[code] ?? (code.startsWith('disk-') ? HardDrive : TriangleAlert);
}

/** The worst first, two at once: more would be a wall. */
export function Alerts({ needs }: { needs: readonly Alert[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? needs : needs.slice(0, shownAtFirst);
  if (needs.length === 0) return null;
  return (
    <div class="home-alerts">
      {shown.map((alert) => (
        <AlertCard key={`${alert.code} ${alert.params['phone'] ?? ''}`} alert={alert} />
      ))}
      {shown.length < needs.length && (
        <div class="home-more">
          <Button look="quiet" onClick={() => setAll(true)}>
            {t.moreNeeds(needs.length - shown.length)}
          </Button>
        </div>
      )}
    </div>
  );
}

function AlertCard({ alert: { code, severity, params } }: { alert: Alert }) {
  const { title, text, action } = alertWords(code, params);
  return (
    <section class={`card home-alert ${severity}`}>
      <div class="home-alert-title">
        <Icon of={iconOf(code)} />
        <h2 class="head">{title}</h2>
      </div>
      <p class="second measure">{text}</p>
      {action !== undefined && (
        <div class="buttons">
          <LinkButton look={severity === 'act' ? 'primary' : 'secondary'} href={action.href}>
            {action.label}
          </LinkButton>
        </div>
      )}
    </section>
  );
}
