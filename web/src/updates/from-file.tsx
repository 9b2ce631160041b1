import { FileUp } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, boxNow, Refusal } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { updates as t } from '../text/en/updates.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { say } from '../ui/page.tsx';
import { Bar, RefusalNote } from '../ui/parts.tsx';
import { useSteady } from '../ui/use-steady.ts';
import type { Part } from './part.ts';
import { type Sent, sendBundle } from './send-bundle.ts';

type FileProps = Part & Readonly<{ onSending: (sending: boolean) => void }>;

/** A bundle that somebody has on this device: sent, looked at, installed. */
export function FromFile({ updates, busy, install, again, onSending }: FileProps) {
  const { bundle, other, outcome, uploadBytesMax } = updates;
  // Not what was tried, and went back.
  const fresh = other?.state !== 'ready' && (bundle?.receivedAt ?? 0) > (outcome?.at ?? 0);
  const picker = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState<Sent>();
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const sending = useDoing(async (file: File) => {
    if (!file.name.toLowerCase().endsWith('.raucb')) throw new Refusal('page', t.notBundle);
    if (file.size > uploadBytesMax) throw new Refusal('page', t.tooBig(uploadBytesMax));
    // Whoever has to say first that it is they does so before the file is on its way; and of two only one is kept.
    await confirmFirst(() => ask('DELETE /api/updates/bundle'));
    const own = new AbortController();
    running.current = own;
    setSent({ bytes: 0, ofBytes: file.size });
    onSending(true);
    try {
      await sendBundle(file, own.signal, setSent);
      say(t.receivedSaid);
    } catch (error) {
      if (own.signal.aborted) say(t.cancelled);
      throw error;
    } finally {
      setSent(undefined);
      onSending(false);
      await again();
    }
  });
  const removing = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/updates/bundle'));
    say(t.removed);
    await again();
  });
  return (
    <section class="card stack" aria-labelledby="from-file">
      <div>
        <h2 class="head" id="from-file">
          {t.file}
        </h2>
        <p class="cap">{t.fileText}</p>
      </div>
      {sent !== undefined && <Sending sent={sent} onCancel={() => running.current?.abort()} />}
      {sent === undefined && bundle !== null && (
        <p class="num">{t.received(bundle.sizeBytes, t.at(bundle.receivedAt, boxNow()))}</p>
      )}
      <RefusalNote refusal={sending.refusal ?? removing.refusal} />
      <input
        ref={picker}
        type="file"
        hidden
        aria-label={t.choose}
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          event.currentTarget.value = '';
          if (file !== undefined) void sending.run(file);
        }}
      />
      {sent === undefined && (
        <div class="buttons">
          {bundle !== null && (
            <Button
              look={fresh ? 'primary' : 'secondary'}
              disabled={busy}
              onClick={() => void install({ kind: 'upload' })}
            >
              {t.install}
            </Button>
          )}
          <Button
            look="secondary"
            icon={FileUp}
            busy={sending.busy}
            disabled={busy}
            onClick={() => picker.current?.click()}
          >
            {t.choose}
          </Button>
          {bundle !== null && (
            <Button look="quiet" busy={removing.busy} disabled={busy} onClick={() => void removing.run()}>
              {t.remove}
            </Button>
          )}
        </div>
      )}
    </section>
  );
}

function Sending({ sent: { bytes, ofBytes }, onCancel }: { sent: Sent; onCancel: () => void }) {
  const all = bytes >= ofBytes;
  const began = useRef(performance.now());
  const rate = bytes / Math.max(1, performance.now() - began.current);
  const left = useSteady(bytes === 0 || all ? null : (ofBytes - bytes) / rate);
  return (
    <div class="updates-progress">
      <p class="strong">{all ? t.checking : t.sending}</p>
      <Bar share={bytes / Math.max(1, ofBytes)} label={t.sent(bytes, ofBytes)} />
      <p class="cap num">{[t.sent(bytes, ofBytes), ...(left === null ? [] : [t.left(left)])].join(', ')}</p>
      <div class="buttons">
        <Button look="secondary" onClick={onCancel}>
          {t.cancel}
        </Button>
      </div>
    </div>
  );
}
