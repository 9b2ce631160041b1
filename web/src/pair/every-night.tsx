import { CircleCheck } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Connector } from '../ask/connector.ts';
import { hasKeptLogin } from '../ask/kept-login.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { isInstalled, systemHere } from '../ask/system.ts';
import { guides } from '../text/en/connect-guides.ts';
import { pair } from '../text/en/pair.ts';
import { AppSettingsShort } from '../ui/app-settings.tsx';
import { Button, LinkButton } from '../ui/button.tsx';
import { FirstPhoto } from '../ui/first-photo.tsx';
import { Icon } from '../ui/icon.tsx';
import { OpenApp } from '../ui/open-app.tsx';
import { Narrow } from '../ui/page.tsx';
import { type InstallPrompt, installPrompt, whenInstallable } from './install-prompt.ts';

/** It has joined: now an app that sends by night, until the first photo is there. */
export function EveryNight({ phone, approver, step }: EveryNightProps) {
  const connector: Connector = { phone: phone.phoneId, phoneName: phone.phone, token: phone.token };
  const system = systemHere();
  return (
    <Narrow title={pair.nightTitle} step={step}>
      <div class="pair-joined">
        <Icon of={CircleCheck} size={24} />
        <div>
          <h2 class="strong">{pair.joinedTitle(phone.phone)}</h2>
          <p class="cap">
            {pair.joinedText} {approver && pair.approves}
          </p>
        </div>
      </div>
      {system === 'computer' ? <ByComputer /> : <ByApp connector={connector} system={system} />}
      <FirstPhoto connector={connector} />
      <div class="stack pair-foot">
        <InstallButton />
        <LinkButton href="/this-phone/backup" look="secondary" wide>
          {pair.backUp}
        </LinkButton>
        <LinkButton href="/this-phone" look="quiet" wide>
          {pair.later}
        </LinkButton>
      </div>
    </Narrow>
  );
}
type EveryNightProps = Readonly<{ phone: OwnPhone; approver: boolean; step: ComponentChildren }>;

function ByApp({ connector, system }: { connector: Connector; system: 'android' | 'ios' }) {
  const name = system === 'ios' ? 'nextcloud-ios' : 'nextcloud-android';
  const guide = guides[name];
  return (
    <>
      <p class="second">{pair.nightByApp}</p>
      {/* An app that sent its person here is waiting already. */}
      {hasKeptLogin() ? (
        <LinkButton href="/connect" wide>
          {pair.letAppIn}
        </LinkButton>
      ) : (
        <OpenApp connector={connector} system={system} />
      )}
      <AppSettingsShort guide={guide} />
      <p class="cap">{guide.wont[0]}</p>
      <p class="pair-links">
        <a href={`/connect/${name}`}>{pair.inPictures}</a>
        <a href="/connect/apps">{pair.otherWays}</a>
      </p>
    </>
  );
}

function ByComputer() {
  return (
    <div class="card stack">
      <p>{pair.nextText}</p>
      <p class="pair-links">
        <a href="/install" target="_self">
          {pair.everyNight}
        </a>
        <a href="/connect/webdav">{pair.byWebdav}</a>
      </p>
    </div>
  );
}

/** Android's browsers ask by themselves, and let a page ask at a better moment. */
function InstallButton() {
  const [prompt, setPrompt] = useState<InstallPrompt | undefined>(installPrompt);
  useEffect(() => whenInstallable(setPrompt), []);
  if (prompt === undefined || isInstalled()) return null;
  return (
    <Button look="secondary" onClick={() => void prompt.prompt()} wide>
      {pair.toHomeScreen}
    </Button>
  );
}
