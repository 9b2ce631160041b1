import { Check, CircleCheck, CircleX, File as FileIcon, Video } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { systemHere } from '../ask/system.ts';
import { backup } from '../text/en/backup.ts';
import { count } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Frame } from './frame.tsx';
import type { RunItem, RunView } from './upload-run.ts';

/** What needs a look comes first; of the rest a few. */
const refusedMax = 50;
const nextMax = 4;
const doneMax = 6;

export function Counts({ safe, waiting, refused }: { safe: number; waiting: number; refused: number }) {
  return (
    <dl class="backup-counts">
      {[
        ['safe', safe, backup.safe] as const,
        ['waiting', waiting, backup.waiting] as const,
        ['refused', refused, backup.refused] as const,
      ].map(([look, value, label]) => (
        <div key={look} class={value === 0 && look !== 'safe' ? undefined : look}>
          <dt>{label}</dt>
          <dd class="figure">{count(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Rows({ view }: { view: RunView }) {
  if (view.phase === 'reading' || view.phase === 'asking') return null;
  const of = (state: RunItem['state']) => view.items.filter((item) => item.state === state);
  const shown = [
    ...of('sending'),
    ...of('refused').slice(0, refusedMax),
    ...of('waiting').slice(0, nextMax),
    ...of('safe').slice(-doneMax).reverse(),
  ];
  const rest = view.items.length - shown.length;
  return (
    <section aria-label={backup.files}>
      <ul class="card backup-rows">
        {shown.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </ul>
      {rest > 0 && <p class="cap backup-rest">{backup.more(rest)}</p>}
    </section>
  );
}

function Row({ item }: { item: RunItem }) {
  const { file, state, sent } = item;
  const checking = state === 'sending' && sent >= file.size;
  return (
    <li>
      <Thumb file={file} />
      <div class="backup-row">
        <p class="strong backup-name">{item.path}</p>
        <p class={state === 'refused' ? 'cap backup-reason' : 'cap num'}>{detailOf(item, checking)}</p>
        {state === 'sending' && (
          <div class="bar" aria-hidden="true">
            <div style={{ width: `${file.size === 0 ? 0 : (sent / file.size) * 100}%` }} />
          </div>
        )}
      </div>
      <span class={`backup-state cap num ${state}`}>
        {state === 'safe' && <Icon of={CircleCheck} size={24} label={backup.rowSafeLabel} />}
        {state === 'refused' && <Icon of={CircleX} size={24} label={backup.rowRefusedLabel} />}
        {state === 'waiting' && backup.rowWaits}
        {state === 'sending' && (checking ? backup.rowChecking : backup.percent(sent / Math.max(file.size, 1)))}
      </span>
    </li>
  );
}

function detailOf({ state, reason, file: { size }, sent }: RunItem, checking: boolean): string {
  if (state === 'refused') return reason;
  if (state === 'safe') return backup.rowSafe(size);
  if (state === 'waiting') return backup.rowSize(size);
  return checking ? backup.rowAllHere(size) : backup.rowOnDisk(size, sent);
}

/** The file's own picture, small; where the browser cannot show it, what kind of file it is. */
function Thumb({ file }: { file: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file.type.startsWith('image/') || file.size === 0) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return (
    <span class="backup-thumb">
      {url === undefined ? (
        <Icon of={file.type.startsWith('video/') ? Video : FileIcon} />
      ) : (
        <img src={url} width="48" height="48" alt="" decoding="async" onError={() => setUrl(undefined)} />
      )}
    </span>
  );
}

export function Finished({ view, leave, tryAgain }: FinishedProps) {
  const refused = view.items.filter(({ state }) => state === 'refused');
  const again = refused.filter((item) => item.again).length;
  return (
    <Frame title={view.safe === 0 ? backup.noneSafe : backup.doneTitle(view.safe)} back>
      {view.safe > 0 && (
        <p class="row second">
          <span class="backup-done" aria-hidden="true">
            <Icon of={Check} size={24} />
          </span>
          {backup.doneText} {view.already > 0 && backup.wereSafe(view.already)}
        </p>
      )}
      <section class="card">
        <Counts safe={view.safe} waiting={view.waiting} refused={view.refused} />
      </section>
      {refused.length > 0 && (
        <section class="stack">
          <h2 class="head">{backup.wereRefused(refused.length)}</h2>
          <ul class="card backup-rows">
            {refused.slice(0, refusedMax).map((item) => (
              <Row key={item.id} item={item} />
            ))}
          </ul>
        </section>
      )}
      {systemHere() !== 'computer' && <p class="cap measure">{backup.marked}</p>}
      <div class="stack backup-foot">
        {again > 0 && (
          <Button onClick={tryAgain} wide>
            {backup.tryAgain(again)}
          </Button>
        )}
        <Button look={again > 0 ? 'quiet' : 'primary'} onClick={leave} wide>
          {backup.done}
        </Button>
      </div>
    </Frame>
  );
}
type FinishedProps = Readonly<{ view: RunView; leave: () => void; tryAgain: () => void }>;
