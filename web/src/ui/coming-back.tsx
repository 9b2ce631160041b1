/**
 * Owns the wait for a box that goes away on purpose: it sees that it went, and that it is there again. Never asks for
 * anything but whether the box is well, which needs no session. Pages that restart the box show it in their place.
 */
import { CircleCheck, Power, RotateCw, TriangleAlert } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useSession } from '../ask/session.tsx';
import { comingBack as t } from '../text/en/device.ts';
import { Button, LinkButton } from './button.tsx';
import { Icon } from './icon.tsx';
import { say } from './page.tsx';
import './coming-back.css';

export type Going = 'restart' | 'update' | 'off' | 'reset';
/** `stayed`: it never was silent. */
type Seen = 'going' | 'away' | 'back' | 'stayed';

const lookMs = 1_000;
const answerMsMax = 4_000;
/** The disks are let go of first, for a minute and a half at most. */
const staysMsMax = 4 * 60_000;
const lateMs = 5 * 60_000;

/** @param from of a box that is updated: a restart that is quicker than the looks is seen by the version. */
export function ComingBack({ how, onDone, from }: { how: Going; onDone: () => void; from?: string }) {
  const { seen, late } = useSeen(how, from);
  const { look } = useSession();
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const words = t[how];
  const headline = seen === 'stayed' ? words.going : words[seen];
  const over = seen === 'back' || seen === 'stayed' || (how === 'off' && seen === 'away');
  useEffect(() => say(headline), [headline]);
  const goOn = () => void look().then(onDone);
  return (
    <section class="card coming-back" aria-labelledby="coming-back">
      <span class={`coming-back-mark ${seen}`}>
        {over ? <Icon of={iconOf(how, seen)} size={28} /> : <span class="ring" aria-hidden="true" />}
      </span>
      <h2 class="coming-back-head" id="coming-back" tabIndex={-1} ref={title}>
        {headline}
      </h2>
      <p class="second measure">{textOf(how, seen)}</p>
      {late && seen === 'away' && (how === 'restart' || how === 'update') && <p class="second measure">{t.late}</p>}
      {(seen === 'stayed' || seen === 'back') && (
        <div class="buttons">
          {seen === 'stayed' && (
            <Button look="secondary" onClick={goOn}>
              {t.look}
            </Button>
          )}
          {seen === 'back' && how === 'reset' && <LinkButton href="/setup">{t.setUp}</LinkButton>}
          {seen === 'back' && how !== 'reset' && <Button onClick={goOn}>{t.goOn}</Button>}
        </div>
      )}
    </section>
  );
}

function iconOf(how: Going, seen: Seen) {
  if (seen === 'stayed') return TriangleAlert;
  if (seen === 'back') return CircleCheck;
  return how === 'off' ? Power : RotateCw;
}

function textOf(how: Going, seen: Seen): string {
  if (seen === 'stayed') return t.stayed;
  if (seen === 'back') return t.backText[how];
  const words = t[how];
  return seen === 'away' && 'textAway' in words ? words.textAway : words.text;
}

function useSeen(how: Going, from: string | undefined): Readonly<{ seen: Seen; late: boolean }> {
  const [seen, setSeen] = useState<Seen>('going');
  const [late, setLate] = useState(false);
  useEffect(() => {
    const began = performance.now();
    let timer: number | undefined;
    let gone = false;
    let left = false;
    const look = async () => {
      const version = await whichAnswers();
      if (left) return;
      const waited = performance.now() - began;
      if (version === undefined) {
        gone = true;
        setSeen('away');
      } else if (gone || (from !== undefined && version !== from)) {
        setSeen('back');
        return;
      } else if (waited > staysMsMax) {
        setSeen('stayed');
        return;
      }
      setLate(waited > lateMs);
      timer = window.setTimeout(() => void look(), lookMs);
    };
    timer = window.setTimeout(() => void look(), lookMs);
    return () => {
      left = true;
      window.clearTimeout(timer);
    };
  }, [how, from]);
  return { seen, late };
}

/** The version of the box that answers; undefined: none does. */
async function whichAnswers(): Promise<string | undefined> {
  try {
    const answer = await fetch('/api/health', { cache: 'no-store', signal: AbortSignal.timeout(answerMsMax) });
    return answer.ok ? String(((await answer.json()) as { version?: unknown }).version) : undefined;
  } catch {
    return undefined;
  }
}
