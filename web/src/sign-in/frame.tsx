import { ChevronRight, LifeBuoy, Smartphone, Timer } from 'lucide';
import type { ComponentChildren } from 'preact';
import type { Current } from '../ask/session.tsx';
import { signIn as t } from '../text/en/sign-in.ts';
import { BesideSky, Saying } from '../ui/beside-sky.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { usePageTitle } from '../ui/page.tsx';
import { Avatar } from '../ui/parts.tsx';
import './sign-in.css';

export type Way = Current['ways'][number];
type FrameProps = Readonly<{
  title: string;
  lead?: ComponentChildren;
  saying?: Readonly<{ title: string; text: string }>;
  /** Whose password was right; with the way out for who is somebody else. */
  person?: Readonly<{ name: string; notYou: () => void; locked?: boolean }>;
  children?: ComponentChildren;
}>;

const calm = { title: t.sayingTitle, text: t.sayingText };

/** One step of signing in, beside the dusk. A new step is a new frame: its title gets the focus where no field has it. */
export function Frame({ title, lead, saying = calm, person, children }: FrameProps) {
  const place = usePageTitle(title);
  return (
    <BesideSky sky={<Saying {...saying} />}>
      {person !== undefined && (
        <div class="sign-in-person">
          <Avatar name={person.name} />
          <div>
            <p class="strong">{person.name}</p>
            <p class="cap">{person.locked === true ? t.lockedWho : t.accepted}</p>
          </div>
          <button type="button" class="button quiet" onClick={person.notYou}>
            {t.notYou}
          </button>
        </div>
      )}
      <div class="sign-in-title">
        <h1 class="title" tabIndex={-1} ref={place}>
          {title}
        </h1>
        {lead !== undefined && <p class="second">{lead}</p>}
      </div>
      {children}
    </BesideSky>
  );
}

const icons: Readonly<Record<Way, IconNode>> = { approval: Smartphone, code: Timer, recovery: LifeBuoy };
const words: Readonly<Record<Way, string>> = { approval: t.byApproval, code: t.byCode, recovery: t.byRecovery };

/** The ways that are left, besides the one shown. */
export function OtherWays({ ways, shown, onChoose }: WaysProps) {
  const others = ways.filter((way) => way !== shown);
  if (others.length === 0) return shown === 'approval' ? <p class="cap">{t.nothingElse}</p> : null;
  return (
    <section class="stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="other-ways">
      <h2 class="cap strong" id="other-ways">
        {shown === 'approval' ? t.notAtHand : t.otherWays}
      </h2>
      <ul class="card sign-in-ways">
        {others.map((way) => (
          <li key={way}>
            <button type="button" onClick={() => onChoose(way)}>
              <Icon of={icons[way]} />
              {words[way]}
              <Icon of={ChevronRight} size={16} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
type WaysProps = Readonly<{ ways: readonly Way[]; shown: Way; onChoose: (way: Way) => void }>;
