/**
 * Owns the choice what a disk is for, with each consequence said before it is made. Nothing is written to a disk by looking
 * at this, and nothing is erased without its name typed. Shown by the disk's own page and by the first run.
 */
import { useState } from 'preact/hooks';
import { ask, Refusal } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { diskUse as t } from '../text/en/disk-use.ts';
import { Button } from './button.tsx';
import { confirmFirst } from './confirm-first.tsx';
import { type AttachedDisk, type DiskOption, type LibraryState, optionsOf } from './disk-facts.ts';
import './disk-use.css';
import { Check } from 'lucide';
import { say } from './page.tsx';
import { Pill, RefusalNote } from './parts.tsx';
import { TypedConfirmation } from './typed-confirmation.tsx';

type Filesystem = 'ext4' | 'exfat';
const made: readonly Filesystem[] = ['ext4', 'exfat'];
const settleEveryMs = 2_000;
/** A large and slow disk takes minutes. */
const settleTriesMax = 1_800;

type UseProps = Readonly<{
  disk: AttachedDisk;
  library: LibraryState;
  /** Something was done: ask anew. */
  onDone: () => void;
}>;

export function DiskUse({ disk, library, onDone }: UseProps) {
  const options = optionsOf(disk, library);
  const [chosen, setChosen] = useState<DiskOption['do']>();
  const [filesystem, setFilesystem] = useState<Filesystem>('ext4');
  const [erasing, setErasing] = useState(false);
  // Erasing what somebody has is chosen by nobody but a person.
  const first = options[0]?.do === 'erase' && !options[0].recommended ? undefined : options[0];
  const option = options.find((one) => one.do === chosen) ?? first;
  const { busy, refusal, run } = useDoing(async () => {
    if (option === undefined || option.do === 'erase') return;
    await useAsIs(disk, option);
    onDone();
  });
  const { refused } = disk.erasing;
  if (options.length === 0) return <p class="second">{refused === null ? t.nothing : t.noErase[refused]}</p>;
  return (
    <div class="stack disk-use">
      <fieldset class="disk-options">
        <legend class="only-read">{t.title(disk.name)}</legend>
        {options.map((one) => (
          <Option key={one.do} option={one} chosen={one.do === option?.do} disk={disk.id} onChoose={setChosen}>
            {one.do === 'erase' && one.do === option?.do && (
              <Filesystems disk={disk.id} chosen={filesystem} onChoose={setFilesystem} />
            )}
          </Option>
        ))}
      </fieldset>
      <RefusalNote refusal={refusal} />
      {option !== undefined && (
        <div class="buttons">
          <Button busy={busy} onClick={() => (option.do === 'erase' ? setErasing(true) : void run())}>
            {t.buttons[option.do](disk.name)}
          </Button>
        </div>
      )}
      {option?.do === 'erase' && (
        <TypedConfirmation
          title={t.eraseTitle(disk.name)}
          open={erasing}
          onClose={() => setErasing(false)}
          text={[...disk.erasing.consequences.map((one) => erasedText(one, disk.sizeBytes)), t.eraseWorking].join(' ')}
          expected={disk.name}
          action={t.buttons.erase(disk.name)}
          onConfirm={async (typed) => {
            await eraseAndUse(disk, { name: typed, filesystem }, option.role);
            setErasing(false);
            onDone();
          }}
        />
      )}
    </div>
  );
}

function erasedText(code: AttachedDisk['erasing']['consequences'][number], sizeBytes: number): string {
  return code === 'everything-on-it' ? t.erased[code](sizeBytes) : t.erased[code];
}

function wordsOf(option: DiskOption): { title: string; text: string } {
  if (option.do === 'look') return { title: t.choices.look, text: t.consequences.look };
  if (option.do === 'erase') {
    const role = option.role === 'library' ? 'library' : 'mirror';
    const title = role === 'library' ? t.choices.eraseLibrary : t.choices.eraseMirror;
    return { title, text: role === 'library' ? t.consequences.eraseLibrary : t.consequences.eraseMirror };
  }
  const code = option.again ? (`${option.do}Again` as const) : option.do;
  return { title: t.choices[code], text: t.consequences[code] };
}

type OptionProps = Readonly<{
  option: DiskOption;
  chosen: boolean;
  disk: string;
  onChoose: (choice: DiskOption['do']) => void;
  children?: preact.ComponentChildren;
}>;

function Option({ option, chosen, disk, onChoose, children }: OptionProps) {
  const { title, text } = wordsOf(option);
  const kept = 'keeps' in option ? t.filesystems[option.keeps] : undefined;
  return (
    <div class={chosen ? 'disk-option chosen' : 'disk-option'}>
      <label>
        <input type="radio" name={`use-${disk}`} checked={chosen} onChange={() => onChoose(option.do)} />
        <span>
          <span class="strong disk-option-title">
            {title}
            {option.recommended && (
              <Pill look="safe" icon={Check}>
                {t.recommended}
              </Pill>
            )}
          </span>
          <span class="cap">{text}</span>
          {kept !== undefined && <span class="cap">{t.keeps(kept.name, kept.text)}</span>}
        </span>
      </label>
      {children}
    </div>
  );
}

function Filesystems({ disk, chosen, onChoose }: FilesystemsProps) {
  return (
    <fieldset class="disk-filesystems">
      <legend class="label">{t.filesystem}</legend>
      {made.map((one) => (
        <label key={one}>
          <input type="radio" name={`filesystem-${disk}`} checked={one === chosen} onChange={() => onChoose(one)} />
          <span>
            <span class="strong">{t.filesystems[one]?.name}</span>
            <span class="cap">{t.filesystems[one]?.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
type FilesystemsProps = Readonly<{ disk: string; chosen: Filesystem; onChoose: (filesystem: Filesystem) => void }>;

async function useAsIs({ id, name }: AttachedDisk, option: Exclude<DiskOption, { do: 'erase' }>): Promise<void> {
  const { volume } = option;
  const params = { id };
  if (option.do === 'look') {
    await settled(id, () => ask('POST /api/disks/:id/look', { params, body: { volume } }));
    say(t.readyLook(name));
    return;
  }
  const role = option.do;
  await settled(id, () => confirmFirst(() => ask('POST /api/disks/:id/use', { params, body: { role, volume } })));
  say(role === 'mirror' ? t.readyMirror(name) : t.readyLibrary(name));
}

/** Left in between, it is an empty disk that can be used. */
async function eraseAndUse(
  { id, name, attached }: AttachedDisk,
  wanted: { name: string; filesystem: Filesystem },
  role: 'library' | 'mirror',
): Promise<void> {
  const params = { id };
  // The disk that was shown: another one may be in its place by the time that a password was typed.
  const body = { ...wanted, attached };
  await settled(id, () => confirmFirst(() => ask('POST /api/disks/:id/erase', { params, body })));
  await settled(id, () => confirmFirst(() => ask('POST /api/disks/:id/use', { params, body: { role } })));
  say(role === 'mirror' ? t.readyMirror(name) : t.readyLibrary(name));
}

type Asked = Readonly<{ disk: AttachedDisk | null }>;
/** Until the box is done with it: it answers within seconds, and goes on. @throws {Refusal} why it did not work */
export async function settled(id: string, begin: () => Promise<Asked>): Promise<AttachedDisk | null> {
  let { disk } = await begin();
  for (let tries = 0; disk?.doing != null && tries < settleTriesMax; tries += 1) {
    await new Promise((resolve) => window.setTimeout(resolve, settleEveryMs));
    const { disks } = await ask('GET /api/disks');
    disk = disks.find((one) => one.id === id) ?? null;
  }
  if (disk?.failed != null) throw new Refusal(disk.failed.code, disk.failed.message);
  return disk;
}
