import { HardDrive, Plug } from 'lucide';
import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { diskUse as u } from '../text/en/disk-use.ts';
import { disks as d } from '../text/en/disks.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button } from '../ui/button.tsx';
import { type AttachedDisk, isOthers, type LibraryState, mainVolume } from '../ui/disk-facts.ts';
import { DiskUse } from '../ui/disk-use.tsx';
import { DiskVerdictPill } from '../ui/disk-verdict.tsx';
import { Icon } from '../ui/icon.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

/** Where the photos live; then whether a second disk is to hold them again. Either may wait. */
export function DiskStep({ firstRun, onNext }: { firstRun: FirstRun; onNext: (firstRun: FirstRun) => void }) {
  const { answer, refusal, again } = useAsk(async (signal) => {
    const [{ disks }, { disk }] = await Promise.all([
      ask('GET /api/disks', { signal }),
      ask('GET /api/health', { signal }),
    ]);
    return { disks, library: disk };
  });
  useLive((event) => {
    if (event.type === 'disks' || event.type === 'missed') void again();
  });
  const [chosen, setChosen] = useState<string>();
  const later = useDoing(async () => {
    const params = { step: 'disk' } as const;
    onNext(await ask('PUT /api/first-run/steps/:step', { params, body: { state: 'later' } }));
  });
  const first = answer?.library === 'none';
  const shown = answer?.disks.filter((disk) => !isOthers(disk) && disk.state !== 'used') ?? [];
  const here = shown.find(({ id }) => id === chosen) ?? shown[0];
  const lead = first ? t.diskFound(shown.length) : t.secondText(shown.length);
  return (
    <Frame
      key={first ? 'first' : 'second'}
      step="disk"
      firstRun={firstRun}
      title={first || answer === undefined ? t.diskTitle : t.secondTitle}
      lead={answer === undefined ? '' : lead}
    >
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="16rem" />}
      {answer !== undefined && (
        <div class="setup-choices">
          {shown.map((disk) => (
            <DiskChoice
              key={disk.id}
              disk={disk}
              library={answer.library}
              chosen={disk.id === here?.id}
              onChoose={() => setChosen(disk.id)}
              onDone={async () => {
                await again();
                onNext(await ask('GET /api/first-run'));
              }}
            />
          ))}
          <p class="setup-plug cap">
            <Icon of={Plug} size={16} />
            {t.diskPlug}
          </p>
        </div>
      )}
      <RefusalNote refusal={later.refusal} />
      {first && <p class="cap">{t.diskLaterWarning}</p>}
      <Buttons>
        <Button look="secondary" busy={later.busy} onClick={() => void later.run()}>
          {t.diskLater}
        </Button>
      </Buttons>
    </Frame>
  );
}

type ChoiceProps = Readonly<{
  disk: AttachedDisk;
  library: LibraryState;
  chosen: boolean;
  onChoose: () => void;
  onDone: () => void;
}>;

function DiskChoice({ disk, library, chosen, onChoose, onDone }: ChoiceProps) {
  const volume = mainVolume(disk);
  const filesystem = d.filesystems[volume?.filesystem ?? ''] ?? volume?.filesystem ?? '';
  return (
    <div class={chosen ? 'card setup-choice chosen' : 'card setup-choice'}>
      <label>
        <Icon of={HardDrive} />
        <span>
          <span class="strong setup-disk-name">{disk.name}</span>
          <span class="cap setup-disk-facts">{d.facts(disk, filesystem)}</span>
          <span class="cap setup-disk-facts">{volume === undefined ? d.noVolume : d.holds[volume.holds]}</span>
          {disk.health.verdict !== 'fine' && disk.health.verdict !== 'tells-nothing' && (
            <DiskVerdictPill state={disk.health.verdict} />
          )}
        </span>
        <input type="radio" name="disk" checked={chosen} onChange={onChoose} />
      </label>
      {chosen && (
        <div>
          {volume?.holds === 'other-box' && <p class="second">{u.adoptText}</p>}
          <DiskUse disk={disk} library={library} onDone={onDone} />
        </div>
      )}
    </div>
  );
}
