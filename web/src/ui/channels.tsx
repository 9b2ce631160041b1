/**
 * Owns how the box is told where to say things off the box: a card for e-mail and one for a webhook, each off at first.
 * Never shows a secret again. The settings and the first run show it, to the owner alone.
 */
import { CircleCheck, Mail, Webhook } from 'lucide';
import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { channels as t } from '../text/en/channels.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { confirmFirst } from './confirm-first.tsx';
import { Icon } from './icon.tsx';
import { MailForm } from './mail-form.tsx';
import { say } from './page.tsx';
import { Pill, RefusalNote } from './parts.tsx';
import { WebhookForm } from './webhook-form.tsx';
import { type Channels, WhereTo } from './where-to.tsx';
import './channels.css';

type Kind = keyof Channels;
/** A mail server may take its time to say no. */
const testMsMax = 40_000;
const names = { mail: t.mail, webhook: t.webhook } as const;
const texts = { mail: t.mailText, webhook: t.webhookText } as const;
const icons = { mail: Mail, webhook: Webhook } as const;

type CardsProps = Readonly<{ channels: Channels; onChange: (channels: Channels) => void }>;

export function ChannelCards({ channels, onChange }: CardsProps) {
  return (
    <>
      <ChannelCard kind="mail" channels={channels} onChange={onChange} />
      <ChannelCard kind="webhook" channels={channels} onChange={onChange} />
    </>
  );
}

function ChannelCard({ kind, channels, onChange }: CardsProps & Readonly<{ kind: Kind }>) {
  const [open, setOpen] = useState(false);
  const { mail, webhook } = channels;
  const set = channels[kind];
  const name = names[kind];
  const saved = (next: Channels) => {
    setOpen(false);
    say(t.saved);
    onChange(next);
  };
  return (
    <section class="card stack" aria-labelledby={`channel-${kind}`}>
      <div class="channel-head">
        <Icon of={icons[kind]} />
        <div>
          <h2 class="strong" id={`channel-${kind}`}>
            {name}
          </h2>
          <p class="cap">
            {kind === 'mail' && mail !== null && t.to(mail.to.join(', '))}
            {kind === 'webhook' && webhook !== null && t.origin(webhook.origin)}
            {set === null && texts[kind]}
          </p>
        </div>
        <Pill look={set?.enabled === true ? 'safe' : 'quiet'} icon={set?.enabled === true ? CircleCheck : icons[kind]}>
          {set?.enabled === true ? t.on : t.off}
        </Pill>
      </div>
      {!open && set !== null && (
        <Facts kind={kind} channels={channels} onChange={onChange} onOpen={() => setOpen(true)} />
      )}
      {!open && set === null && (
        <div class="buttons">
          <Button look="secondary" onClick={() => setOpen(true)}>
            {t.setUp(name)}
          </Button>
        </div>
      )}
      {open && kind === 'mail' && <MailForm mail={mail} onSaved={saved} onClose={() => setOpen(false)} />}
      {open && kind === 'webhook' && <WebhookForm webhook={webhook} onSaved={saved} onClose={() => setOpen(false)} />}
    </section>
  );
}

type FactsProps = CardsProps & Readonly<{ kind: Kind; onOpen: () => void }>;

/** What is set up: where it goes, what waits, and whether a test gets through. */
function Facts({ kind, channels, onChange, onOpen }: FactsProps) {
  const [tested, setTested] = useState(false);
  const again = async () => onChange(await ask('GET /api/channels'));
  const test = useDoing(async () => {
    setTested(false);
    await ask('POST /api/channels/:kind/test', { params: { kind }, waitMs: testMsMax });
    setTested(true);
    await again();
  });
  const remove = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/channels/:kind', { params: { kind } }));
    say(t.removed);
    await again();
  });
  const { mail, webhook } = channels;
  const waiting = channels[kind]?.waiting;
  const host = kind === 'mail' ? (mail?.host ?? '') : new URL(webhook?.origin ?? location.origin).hostname;
  const clear = kind === 'mail' ? mail?.security === 'none' : webhook?.origin.startsWith('http:') === true;
  return (
    <>
      <WhereTo host={host} clear={clear} />
      {waiting !== undefined && waiting.messages > 0 && (
        <div>
          <p class="second">{t.waiting(waiting.messages)}</p>
          {waiting.error !== null && <p class="cap">{t.why(waiting.error)}</p>}
        </div>
      )}
      <RefusalNote refusal={test.refusal ?? remove.refusal} />
      <div role="status">
        {tested && (
          <p class="channel-done">
            <Icon of={CircleCheck} />
            {t.tested[kind]}
          </p>
        )}
      </div>
      <div class="buttons">
        <Button look="secondary" busy={test.busy} onClick={() => void test.run()}>
          {t.test}
        </Button>
        <Button look="quiet" label={t.change(names[kind])} onClick={onOpen}>
          {common.change}
        </Button>
        <Button look="warn" busy={remove.busy} label={t.removeThis(names[kind])} onClick={() => void remove.run()}>
          {t.remove}
        </Button>
      </div>
    </>
  );
}
