import { pair } from '../text/en/pair.ts';
import { CopyLine } from '../ui/copy-line.tsx';

/** The same invitation for `nightjar-phone`. It needs the whole link; a typed code does not bring it. */
export function ByCommand({ fragment }: { fragment: URLSearchParams }) {
  const overHttps = location.protocol === 'https:';
  // On loopback this page may have come over http, which the client does not take.
  const [first] = (fragment.get('a') ?? '').split(',');
  const origin = overHttps || !first ? location.origin : `https://${first}`;
  const link = `${origin}/pair#${fragment}`.replaceAll("'", '%27');
  // npm does not know the box's certificate; the browser that shows this page does.
  const file = overHttps ? './nightjar-phone.tgz' : `${location.origin}/nightjar-phone.tgz`;
  return (
    <details class="pair-more">
      <summary>{pair.byCommand}</summary>
      <div class="stack">
        <p class="cap">{pair.byCommandText}</p>
        {overHttps && (
          <a href="/nightjar-phone.tgz" download>
            {pair.getClient}
          </a>
        )}
        <CopyLine label={pair.install} text={`npm i -g ${file}`} />
        <CopyLine label={pair.pairBy} text={`nightjar-phone pair '${link}'`} />
        <p class="cap">{pair.linkIsKey}</p>
        <a href="/install" target="_self">
          {pair.everyNight}
        </a>
      </div>
    </details>
  );
}
