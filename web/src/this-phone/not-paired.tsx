import { Smartphone } from 'lucide';
import { thisPhone } from '../text/en/this-phone.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Frame } from './frame.tsx';

/** For a browser that is no phone of the box, or not any more. `text` in place of what it could be. */
export function NotPaired({ text }: { text?: string }) {
  return (
    <Frame title={thisPhone.title}>
      <section class="card phone-not">
        <span class="phone-sign" aria-hidden="true">
          <Icon of={Smartphone} size={28} />
        </span>
        <h2 class="head">{thisPhone.notPairedTitle}</h2>
        <p class="second measure">{text ?? thisPhone.notPairedText}</p>
        {text === undefined && (
          <>
            <p class="second measure">{thisPhone.notPairedHow}</p>
            <div class="buttons">
              <LinkButton href="/pair">{thisPhone.haveCode}</LinkButton>
              <LinkButton href="/this-phone/register" look="secondary">
                {thisPhone.wasPaired}
              </LinkButton>
            </div>
          </>
        )}
      </section>
    </Frame>
  );
}

/** The box refused its credential. */
export function Stranger() {
  return (
    <Frame title={thisPhone.title}>
      <section class="card phone-not">
        <span class="phone-sign" aria-hidden="true">
          <Icon of={Smartphone} size={28} />
        </span>
        <h2 class="head">{thisPhone.strangerTitle}</h2>
        <p class="second measure">{thisPhone.strangerText}</p>
        <div class="buttons">
          <LinkButton href="/this-phone/register">{thisPhone.registerAgain}</LinkButton>
          <LinkButton href="/pair" look="secondary">
            {thisPhone.pairAnew}
          </LinkButton>
        </div>
      </section>
    </Frame>
  );
}
