import { CircleX } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { updates as t } from '../text/en/updates.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Field, Switch } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Part } from './part.ts';

type Channel = ReplyOf<'PUT /api/updates/channel'>;

const urlForm = /^https:\/\/[^\s@#]{1,500}$/;
/** It may have to try several of its addresses. */
const askMsMax = 120_000;

/** Where word of new versions is, and whether it is looked at; off until somebody says so. */
export function FromAddress({ updates: { channel }, busy, install, again }: Part) {
  const [url, setUrl] = useState(channel.url ?? '');
  const set = useDoing(async (next: { url: string | null; enabled: boolean }, said: string) => {
    await confirmFirst(() => ask('PUT /api/updates/channel', { body: next }));
    say(said);
    await again();
  });
  const asking = useDoing(async () => {
    await confirmFirst(() => ask('POST /api/updates/channel/ask', { waitMs: askMsMax }));
    await again();
  });
  const trimmed = url.trim();
  const wrong = trimmed !== '' && !urlForm.test(trimmed);
  const dirty = trimmed !== (channel.url ?? '');
  return (
    <section class="card stack" aria-labelledby="from-address">
      <div>
        <h2 class="head" id="from-address">
          {t.address}
        </h2>
        <p class="cap">{t.addressText}</p>
      </div>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (wrong) return;
          const next = trimmed === '' ? null : trimmed;
          void set.run({ url: next, enabled: channel.enabled && next !== null }, t.saved);
        }}
      >
        <Field
          label={t.url}
          type="url"
          value={url}
          onInput={setUrl}
          maxLength={508}
          autocomplete="off"
          hint={t.urlHint}
          error={wrong ? t.urlWrong : undefined}
        />
        {dirty && (
          <div class="buttons">
            <Button type="submit" look="secondary" busy={set.busy} disabled={wrong}>
              {t.urlSave}
            </Button>
          </div>
        )}
      </form>
      <Switch
        label={t.weekly}
        hint={t.weeklyHint}
        on={channel.enabled}
        disabled={set.busy || channel.url === null}
        onChange={(enabled) => void set.run({ url: channel.url, enabled }, enabled ? t.turnedOn : t.turnedOff)}
      />
      <RefusalNote refusal={set.refusal ?? asking.refusal} />
      {/* Turned off, nothing is fetched either. */}
      {channel.url !== null && channel.enabled && (
        <>
          <Told channel={channel} busy={busy} onFetch={() => void install({ kind: 'address' })} />
          <div class="buttons">
            <Button look="secondary" busy={asking.busy} onClick={() => void asking.run()}>
              {t.ask}
            </Button>
          </div>
        </>
      )}
    </section>
  );
}

/** What the address said last. */
function Told({ channel, busy, onFetch }: { channel: Channel; busy: boolean; onFetch: () => void }) {
  const { lastAskedAt, problem, offer } = channel;
  const now = boxNow();
  const fetchable = offer?.newer === true && offer.notBefore <= now;
  return (
    <div class="stack" style={{ '--gap': 'var(--s3)' }} role="status">
      {problem !== null && (
        <div class="updates-line">
          <span class="watch">
            <Icon of={CircleX} />
          </span>
          <div>
            <p>{t.reasons[problem.reason]}</p>
            {problem.detail !== '' && (
              <details>
                <summary>{t.saw}</summary>
                <p class="cap">{problem.detail}</p>
              </details>
            )}
          </div>
        </div>
      )}
      {offer !== null && (
        <p class={fetchable ? 'strong num' : 'second num'}>
          {fetchable
            ? t.offers(offer.version, offer.sizeBytes)
            : offer.newer
              ? t.offersLater(offer.version, offer.notBefore, now)
              : t.offersNothing(offer.version)}
        </p>
      )}
      {fetchable && (
        <div class="buttons">
          <Button disabled={busy} onClick={onFetch}>
            {t.fetch(offer.version)}
          </Button>
        </div>
      )}
      {fetchable && <p class="cap">{t.fetchHint}</p>}
      <p class="cap">{lastAskedAt === null ? t.never : t.asked(lastAskedAt, now)}</p>
    </div>
  );
}
