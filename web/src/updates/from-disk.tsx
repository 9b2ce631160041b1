import { Usb } from 'lucide';
import { ask, boxNow } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk } from '../ask/use-ask.ts';
import { updates as t } from '../text/en/updates.ts';
import { Button } from '../ui/button.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import type { Part } from './part.ts';

/** Bundles at the top of disks that are only looked at. */
export function FromDisk({ busy, install }: Part) {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/updates/attached', { signal }));
  useLive((event) => {
    if (event.type === 'disks' || event.type === 'missed') void again();
  });
  return (
    <section class="card stack" aria-labelledby="from-disk">
      <div>
        <h2 class="head" id="from-disk">
          {t.disk}
        </h2>
        <p class="cap">{t.diskText}</p>
      </div>
      {answer === undefined && refusal === undefined && <Skeleton height="3.5rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer?.bundles.length === 0 && (
        <div>
          <p class="second">{t.diskNone}</p>
          <p class="cap">
            {t.diskHow} <a href="/import">{t.toImport}</a>
          </p>
        </div>
      )}
      {answer !== undefined && answer.bundles.length > 0 && (
        <ul class="rows">
          {answer.bundles.map(({ source, name, sizeBytes, modifiedAt }) => (
            <li key={`${source}/${name}`} class="updates-disk">
              <div>
                <p class="strong">{name}</p>
                <p class="cap num">{t.onDisk(sizeBytes, t.at(modifiedAt, boxNow()))}</p>
              </div>
              <Button
                look="secondary"
                icon={Usb}
                label={t.installFrom(name)}
                disabled={busy}
                onClick={() => void install({ kind: 'disk', source, name })}
              >
                {t.installThis}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
