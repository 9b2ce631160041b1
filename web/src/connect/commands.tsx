import { type Command, commandWords as t, termuxCommands } from '../text/en/connect-guides.ts';
import { CopyLine } from '../ui/copy-line.tsx';
import type { MadePassword } from './webdav-password.tsx';

/** The download is a step of its own: npm does not know the box's certificate; the browser does. */
const beforeInstall = 1;

export function TermuxCommands() {
  return (
    <>
      <Commands commands={termuxCommands.slice(0, beforeInstall)} />
      <p class="row connect-links">
        <a href="/nightjar-phone.tgz" download>
          {t.getClient}
        </a>
        <a href="/phones/pair">{t.invite}</a>
      </p>
      <Commands commands={termuxCommands.slice(beforeInstall)} />
      <p>
        <a class="connect-links" href="/install" target="_self">
          {t.otherSystems}
        </a>
      </p>
    </>
  );
}

/** `made`: the password was made, so the lines are whole but for it. */
export function RcloneCommands({ made }: { made: MadePassword | undefined }) {
  return (
    <section class="card stack" aria-labelledby="rclone">
      <h2 class="head" id="rclone">
        {t.rcloneTitle}
      </h2>
      <p>
        <a class="connect-links" href="/nightjar-root.pem" target="_self">
          {t.rcloneGet}
        </a>
      </p>
      <Commands commands={t.rclone(made?.url ?? t.urlPlace, made?.user ?? t.userPlace)} />
      <p class="cap">{t.rcloneHint}</p>
    </section>
  );
}

function Commands({ commands }: { commands: readonly Command[] }) {
  return (
    <ul class="stack connect-commands">
      {commands.map(({ what, line, hint }) => (
        <li key={what}>
          <CopyLine label={what} text={line} />
          {hint !== undefined && <p class="cap">{hint}</p>}
        </li>
      ))}
    </ul>
  );
}
