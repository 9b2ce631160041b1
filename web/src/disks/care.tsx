/** What is done with a disk that is there: tested, checked, let go of, read. Each says first what follows from it. */
import { Activity, ArrowUpFromLine } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { diskUse as u } from '../text/en/disk-use.ts';
import { disks as t } from '../text/en/disks.ts';
import { moment } from '../text/format.ts';
import { AskFirst } from '../ui/ask-first.tsx';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { type AttachedDisk, mainVolume, roleOf } from '../ui/disk-facts.ts';
import { settled } from '../ui/disk-use.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Health } from './health.ts';

type DiskProps = Readonly<{ disk: AttachedDisk; onDone: () => void }>;

export function TestButton({ id, health, onTold }: TestProps) {
  const { busy, refusal, run } = useDoing(async () => {
    onTold(await ask('POST /api/disks/:id/test', { params: { id }, body: { kind: 'short' } }));
    say(t.testBegun);
  });
  if (health.now?.testing != null) return null;
  return (
    <>
      <Button look="secondary" icon={Activity} busy={busy} onClick={() => void run()}>
        {t.testNow}
      </Button>
      {refusal !== undefined && <RefusalNote refusal={refusal} />}
    </>
  );
}
type TestProps = Readonly<{ id: string; health: Health; onTold: (health: Health) => void }>;

export function EjectButton({ disk, onDone }: DiskProps) {
  const [open, setOpen] = useState(false);
  const { id, name } = disk;
  return (
    <>
      <Button look="secondary" icon={ArrowUpFromLine} disabled={disk.doing !== null} onClick={() => setOpen(true)}>
        {u.eject}
      </Button>
      <AskFirst
        title={u.ejectTitle(name)}
        text={u.ejectText[roleOf(disk) ?? 'look']}
        action={u.ejectDo(name)}
        open={open}
        onClose={() => setOpen(false)}
        onConfirm={async () => {
          await settled(id, () => confirmFirst(() => ask('POST /api/disks/:id/eject', { params: { id } })));
          say(u.ejected(name));
          onDone();
        }}
      />
    </>
  );
}

export function isCheckable(disk: AttachedDisk): boolean {
  const left = disk.state === 'system' || disk.state === 'in-use' || disk.state === 'busy';
  return !left && (mainVolume(disk)?.filesystem ?? '') !== '';
}

/** The filesystem, looked through and put in order. */
export function Care({ disk, onDone }: DiskProps) {
  const [open, setOpen] = useState<'check' | 'repair'>();
  const { id, name, checked } = disk;
  const volume = mainVolume(disk);
  if (volume === undefined || !isCheckable(disk)) return null;
  const repair = open === 'repair';
  return (
    <div class="disks-care">
      <div>
        <h3 class="strong">{u.contents}</h3>
        <p class="second measure">{checked === null ? u.checkText : u.checked[checked.outcome]}</p>
        {checked !== null && <p class="cap">{u.checkedAt(moment(checked.at, boxNow()))}</p>}
      </div>
      <div class="buttons">
        <Button look="secondary" disabled={disk.doing !== null} onClick={() => setOpen('check')}>
          {u.check}
        </Button>
        {checked?.outcome === 'damaged' && !disk.writeProtected && (
          <Button disabled={disk.doing !== null} onClick={() => setOpen('repair')}>
            {u.repair}
          </Button>
        )}
      </div>
      <AskFirst
        title={repair ? u.repairTitle(name) : u.checkTitle(name)}
        text={repair ? u.repairText : u.checkText}
        action={repair ? u.repairDo(name) : u.checkDo(name)}
        open={open !== undefined}
        onClose={() => setOpen(undefined)}
        onConfirm={async () => {
          const done = await settled(id, () =>
            confirmFirst(() =>
              ask('POST /api/disks/:id/check', { params: { id }, body: { repair, volume: volume.name } }),
            ),
          );
          if (done?.checked != null) say(u.checked[done.checked.outcome]);
          onDone();
        }}
      />
    </div>
  );
}

/** What is on a disk that is looked at, and the way to bring it in. */
export function LookedAt({ id }: { id: string }) {
  const { answer } = useAsk((signal) => ask('GET /api/disks/:id/folders', { params: { id }, signal }), [id]);
  return (
    <div class="stack disks-looked" style={{ '--gap': 'var(--s2)' }}>
      <p class="second">{t.lookedAt}</p>
      {answer !== undefined && (
        <p class="second">
          {answer.names.length === 0 ? u.foldersNone : u.folders(answer.names.length, answer.more)}
          {answer.names.length > 0 && <span class="mono disks-names">{answer.names.slice(0, 5).join('  ')}</span>}
        </p>
      )}
      <div class="buttons">
        <LinkButton look="secondary" href="/import">
          {u.bringIn}
        </LinkButton>
      </div>
    </div>
  );
}
