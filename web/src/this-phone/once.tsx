import { thisPhone } from '../text/en/this-phone.ts';
import { Button } from '../ui/button.tsx';
import { OnceCodes } from '../ui/once-codes.tsx';
import { Frame } from './frame.tsx';

/** The ten recovery codes of a person who had none left: shown this once and kept nowhere. */
export function Once({ codes, onKept }: { codes: readonly string[]; onKept: () => void }) {
  return (
    <Frame title={thisPhone.onceTitle}>
      <p class="second measure">{thisPhone.onceText}</p>
      <OnceCodes codes={codes} />
      <div class="buttons">
        <Button onClick={onKept}>{thisPhone.onceKept}</Button>
      </div>
    </Frame>
  );
}
