import { Download, Printer } from 'lucide';
import { useState } from 'preact/hooks';
import { boxNow } from '../ask/ask.ts';
import { recovery as t } from '../text/en/recovery.ts';
import { day } from '../text/format.ts';
import { Button } from './button.tsx';
import { Check } from './field.tsx';
import './recovery-sheet.css';

const keptMs = 60_000;

type SheetProps = Readonly<{
  box: string;
  person: string;
  codes?: readonly string[];
  recoveryKey?: string;
  /** Printed, saved, or said to be written down: until then nobody should be let go on. */
  onKept: () => void;
}>;

/** What opens the box on the day something is lost: shown once, on one page that prints black on white. */
export function RecoverySheet({ box, person, codes = [], recoveryKey, onKept }: SheetProps) {
  const [wrote, setWrote] = useState(false);
  const made = day(boxNow(), 0, undefined);
  const save = () => {
    const lines = [
      t.title(box, person),
      t.made(made),
      '',
      ...(recoveryKey === undefined ? [] : [t.key, t.keyText, recoveryKey, '']),
      ...(codes.length === 0 ? [] : [t.codes, t.codesText, ...codes.map((code, at) => `${at + 1}. ${code}`), '']),
      t.where,
    ];
    download(t.fileName, `${lines.join('\r\n')}\r\n`);
    onKept();
  };
  return (
    <div class="stack">
      <div class="recovery-sheet">
        <div>
          <p class="strong">{t.title(box, person)}</p>
          <p class="cap">{t.made(made)}</p>
        </div>
        {recoveryKey !== undefined && (
          <div>
            <p class="strong">{t.key}</p>
            <p class="cap">{t.keyText}</p>
            <p class="mono">{recoveryKey}</p>
          </div>
        )}
        {codes.length > 0 && (
          <div>
            <p class="strong">{t.codes}</p>
            <p class="cap">{t.codesText}</p>
            <ol class="recovery-codes mono">
              {codes.map((code, at) => (
                <li key={code}>
                  <span class="cap">{at + 1}</span>
                  {code}
                </li>
              ))}
            </ol>
          </div>
        )}
        <p class="cap">{t.where}</p>
      </div>
      <div class="buttons">
        <Button
          look="secondary"
          icon={Printer}
          onClick={() => {
            window.print();
            onKept();
          }}
        >
          {t.print}
        </Button>
        <Button look="secondary" icon={Download} onClick={save}>
          {t.save}
        </Button>
      </div>
      <Check
        checked={wrote}
        onChange={(checked) => {
          setWrote(checked);
          if (checked) onKept();
        }}
      >
        {t.wrote}
      </Check>
    </div>
  );
}

function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = name;
  link.click();
  // Some browsers begin to read it a moment later.
  window.setTimeout(() => URL.revokeObjectURL(link.href), keptMs);
}
