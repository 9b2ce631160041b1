import { Usb } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { imports as t } from '../text/en/imports.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Check, SelectField } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, RefusalNote, Skeleton } from '../ui/parts.tsx';

type Disk = ReplyOf<'GET /api/disks'>['disks'][number];
type Volume = Disk['volumes'][number];

/** The disks that photos may come from: to be looked at, or looked at already. */
export function FromDisk({ onBegun }: { onBegun: () => Promise<void> }) {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/disks', { signal }));
  useLive((event) => {
    if (event.type === 'disks' || event.type === 'missed') void again();
  });
  const disks = (answer?.disks ?? []).filter((disk) => lookedAt(disk).length > 0 || mayLook(disk));
  return (
    <section class="card stack" aria-labelledby="import-from">
      <h2 class="head" id="import-from">
        {t.from}
      </h2>
      {answer === undefined && refusal === undefined && <Skeleton height="8rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={again} />}
      {answer?.helper === 'missing' && <p class="second measure">{t.noHelper}</p>}
      {answer !== undefined && answer.helper !== 'missing' && disks.length === 0 && (
        <EmptyState icon={Usb} title={t.noDisk}>
          {t.noDiskText}
        </EmptyState>
      )}
      {disks.map((disk) =>
        lookedAt(disk).length > 0 ? (
          <Looked key={disk.id} disk={disk} onBegun={onBegun} />
        ) : (
          <ToLook key={disk.id} disk={disk} onLooked={again} />
        ),
      )}
    </section>
  );
}

function lookedAt({ volumes }: Disk): Volume[] {
  return volumes.filter(({ source }) => source !== null);
}

/** It holds something of somebody's that the box may read. */
function mayLook({ state, volumes, doing }: Disk): boolean {
  const kinds = ['files', 'other-box', 'unknown', 'odd'];
  const free = state === 'free' || state === 'ejected';
  return free && doing === null && volumes.some(({ holds, filesystem }) => filesystem !== '' && kinds.includes(holds));
}

function ToLook({ disk: { id, name }, onLooked }: { disk: Disk; onLooked: () => Promise<void> }) {
  const { busy, refusal, run } = useDoing(async () => {
    await confirmFirst(() => ask('POST /api/disks/:id/look', { params: { id }, body: {}, waitMs: 60_000 }));
    await onLooked();
  });
  return (
    <div class="stack" style={{ '--gap': 'var(--s3)' }}>
      <div class="copies-disk">
        <div>
          <Icon of={Usb} size={24} />
          <div>
            <p class="strong">{name}</p>
            <p class="cap">{t.lookText}</p>
          </div>
        </div>
        <Button look="secondary" busy={busy} onClick={() => void run()}>
          {t.look(name)}
        </Button>
      </div>
      <RefusalNote refusal={refusal} />
    </div>
  );
}

/** From which part and folder of it, and for whom. */
function Looked({ disk, onBegun }: { disk: Disk; onBegun: () => Promise<void> }) {
  const me = usePerson();
  const parts = lookedAt(disk);
  const [part, setPart] = useState(parts[0]?.name ?? '');
  const chosen = parts.find(({ name }) => name === part) ?? parts[0];
  const [folder, setFolder] = useState('');
  const [person, setPerson] = useState(me.name);
  const [allFiles, setAllFiles] = useState(false);
  const { answer: people } = useAsk((signal) => ask('GET /api/people', { signal }));
  const volume = chosen?.name ?? '';
  const { answer: folders } = useAsk(
    (signal) => ask('GET /api/disks/:id/folders', { params: { id: disk.id }, query: { volume }, signal }),
    [disk.id, volume],
  );
  const names = (people?.people ?? []).flatMap(({ name, removedAt }) => (removedAt === null ? [name] : []));
  const begin = useDoing(async () => {
    const source = chosen?.source ?? '';
    await ask('POST /api/imports', { body: { source, folder, person, allFiles } });
    say(t.begun);
    await onBegun();
  });
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void begin.run();
      }}
    >
      <div class="copies-disk">
        <div>
          <Icon of={Usb} size={24} />
          <div>
            <p class="strong">{disk.name}</p>
            <p class="cap">{t.lookText}</p>
          </div>
        </div>
      </div>
      {parts.length > 1 && (
        <SelectField
          label={t.source}
          value={part}
          options={parts.map(({ name, label, sizeBytes }) => ({ value: name, label: t.volume(label, sizeBytes) }))}
          onChange={(next) => {
            setPart(next);
            setFolder('');
          }}
        />
      )}
      <SelectField
        label={t.folder}
        value={folder}
        options={[
          { value: '', label: t.whole },
          ...(folders?.names ?? []).map((name) => ({ value: name, label: name })),
        ]}
        onChange={setFolder}
        hint={folders === undefined ? '' : folders.more ? t.folderMore : t.folderHint(folders.names.length)}
      />
      <SelectField
        label={t.person}
        value={person}
        options={(names.length === 0 ? [me.name] : names).map((name) => ({ value: name, label: name }))}
        onChange={setPerson}
      />
      <Check checked={allFiles} onChange={setAllFiles}>
        {t.allFiles}
      </Check>
      <RefusalNote refusal={begin.refusal} />
      <div class="buttons">
        <Button type="submit" busy={begin.busy}>
          {t.begin(disk.name)}
        </Button>
      </div>
    </form>
  );
}
