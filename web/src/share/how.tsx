import { useState } from 'preact/hooks';
import type { ReplyOf } from '../ask/ask.ts';
import { deviceHere, systemHere } from '../ask/system.ts';
import { share as t } from '../text/en/share.ts';
import { CopyLine } from '../ui/copy-line.tsx';
import { NumberedSteps } from '../ui/steps.tsx';

export type Share = ReplyOf<'GET /api/share'>;
type System = keyof typeof t.systems;

const usualPort = 445;
const order: readonly System[] = ['windows', 'mac', 'linux', 'phone'];

/** What to do on each system; this one's first. */
export function How({ share, login }: { share: Share; login: string }) {
  const [system, choose] = useState<System>(here);
  const [name = '', ...addresses] = share.hosts;
  // The shorter to type.
  const address = addresses.find((one) => !one.startsWith('[')) ?? addresses[0];
  const steps = t.steps[system](pathOn(system, name, login));
  return (
    <section class="stack share-how" aria-labelledby="share-how">
      <h2 class="head" id="share-how">
        {t.how}
      </h2>
      <fieldset class="share-systems" aria-labelledby="share-how">
        {order.map((one) => (
          <label key={one}>
            <input type="radio" name="system" checked={system === one} onChange={() => choose(one)} />
            {t.systems[one]}
          </label>
        ))}
      </fieldset>
      <NumberedSteps
        steps={[
          ...steps.map((step) => ({
            what: step.what,
            where: step.copy === undefined ? step.where : <CopyLine label={t.server} text={step.copy} />,
          })),
          { what: t.signIn(login), where: t.remember },
        ]}
      />
      {address !== undefined && <p class="cap share-address">{t.byAddress(pathOn(system, address, login))}</p>}
      {system === 'windows' && share.port !== usualPort && <p class="cap">{t.port(share.port)}</p>}
    </section>
  );
}

function here(): System {
  if (systemHere() !== 'computer') return 'phone';
  const device = deviceHere();
  if (device === 'Mac') return 'mac';
  return device === 'Windows' ? 'windows' : 'linux';
}

/** As that system writes it. */
function pathOn(system: System, host: string, name: string): string {
  if (system !== 'windows') return `smb://${host}/${name}`;
  const [, bare = host, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  // Windows takes IPv6 by a name of its own; a port in no path at all.
  return `\\\\${host.startsWith('[') ? ipv6Name(host) : port === undefined ? host : bare}\\${name}`;
}

function ipv6Name(host: string): string {
  return `${host.replace(/^\[|\].*$/g, '').replaceAll(':', '-')}.ipv6-literal.net`;
}
