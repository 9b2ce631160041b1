import { useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { mirrors as t } from '../text/en/mirrors.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import type { Mirror } from './use-mirrors.ts';

type Files = ReplyOf<'GET /api/mirrors/:diskId/lacking'>['files'];
const pageSize = 50;
/** Whoever wants more waits until it has caught up. */
const shownMax = 1_000;

/** What the library has and this mirror does not. */
export function Lacking({ mirror, onClose }: { mirror: Mirror | undefined; onClose: () => void }) {
  return (
    <Dialog title={t.lackingTitle(mirror?.name ?? '')} open={mirror !== undefined} onClose={onClose}>
      {mirror !== undefined && <LackingFiles key={mirror.diskId} diskId={mirror.diskId} />}
      <div class="buttons">
        <Button look="secondary" onClick={onClose}>
          {common.close}
        </Button>
      </div>
    </Dialog>
  );
}

function LackingFiles({ diskId }: { diskId: string }) {
  const { answer, refusal, again } = useAsk((signal) =>
    ask('GET /api/mirrors/:diskId/lacking', { params: { diskId }, query: { limit: pageSize }, signal }),
  );
  const [more, setMore] = useState<Readonly<{ files: Files; next: string | null }>>();
  const cursor = more === undefined ? (answer?.next ?? null) : more.next;
  const loading = useDoing(async () => {
    if (cursor === null) return;
    const page = await ask('GET /api/mirrors/:diskId/lacking', {
      params: { diskId },
      query: { limit: pageSize, cursor },
    });
    setMore({ files: [...(more?.files ?? []), ...page.files], next: page.next });
  });
  if (answer === undefined) {
    return refusal === undefined ? <Skeleton height="12rem" /> : <CouldNotLoad refusal={refusal} again={again} />;
  }
  const files = [...answer.files, ...(more?.files ?? [])];
  if (files.length === 0) return <p>{t.lackingNone}</p>;
  return (
    <>
      <ul class="rows copies-lacking">
        {files.map(({ id, name, person, size, path }) => (
          <li key={id}>
            <p class="strong">{name}</p>
            <p class="cap num">{`${person}, ${t.size(size)}`}</p>
            <p class="cap mono">{path}</p>
          </li>
        ))}
      </ul>
      <RefusalNote refusal={loading.refusal} />
      {cursor !== null && files.length < shownMax && (
        <p>
          <Button look="secondary" busy={loading.busy} onClick={() => void loading.run()}>
            {t.lackingMore}
          </Button>
        </p>
      )}
    </>
  );
}
