import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { settings as t } from '../text/en/settings.ts';
import { clock, duration, moment } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { Field, Switch } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Box } from './box.ts';

/** Less is what a network takes, and what nobody sees on a clock. */
const differenceMsMin = 20_000;
const zones = Intl.supportedValuesOf('timeZone');
const zoneHere = Intl.DateTimeFormat().resolvedOptions().timeZone;

type CardProps = Readonly<{ box: Box; owner: boolean; onChange: (box: Box) => void }>;

export function TimeCard({ box, owner, onChange }: CardProps) {
  const change = useDoing(async (body: { timeZone?: string; internetTime?: boolean }) => {
    onChange(await ask('PATCH /api/box', { body }));
  });
  const difference = boxNow() - Date.now();
  return (
    <section class="card stack" aria-labelledby="time">
      <div>
        <h2 class="head" id="time">
          {t.time}
        </h2>
        <p class="second">
          {t.timeNow(clock(boxNow()))}{' '}
          {Math.abs(difference) < differenceMsMin ? t.timeSame : t.timeOff(duration(Math.abs(difference)))}
        </p>
        <p class="cap">{sourceOf(box)}</p>
      </div>
      <RefusalNote refusal={change.refusal} />
      {owner && <ZoneForm box={box} busy={change.busy} onSave={(timeZone) => change.run({ timeZone })} />}
      {owner && (
        <Switch
          label={t.internet}
          hint={t.internetHint}
          on={box.internetTime === true}
          onChange={(internetTime) => void change.run({ internetTime })}
        />
      )}
    </section>
  );
}

function sourceOf({ timeSource: { source, toldAt } }: Box): string {
  if (source === 'system' || toldAt === null) return t.fromSystem;
  const when = moment(toldAt, boxNow());
  return source === 'internet' ? t.fromInternet(when) : t.fromBrowser(when);
}

type ZoneProps = Readonly<{ box: Box; busy: boolean; onSave: (zone: string) => Promise<boolean> }>;

function ZoneForm({ box, busy, onSave }: ZoneProps) {
  const [zone, setZone] = useState(box.timeZone);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void onSave(zone.trim());
      }}
    >
      <Field label={t.zone} value={zone} onInput={setZone} options={zones} hint={t.zoneHint} required />
      {zoneHere !== box.timeZone && zone !== zoneHere && (
        <p class="row cap">
          {t.zoneOfBrowser(zoneHere)}
          <Button look="quiet" onClick={() => setZone(zoneHere)}>
            {t.zoneTake}
          </Button>
        </p>
      )}
      {zone.trim() !== box.timeZone && (
        <div class="buttons">
          <Button type="submit" busy={busy}>
            {t.zoneSave}
          </Button>
        </div>
      )}
    </form>
  );
}
