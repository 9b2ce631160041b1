import {
  Check,
  CircleQuestionMark,
  CircleX,
  Clock,
  Download,
  type IconNode,
  Moon,
  Plane,
  ShieldCheck,
  Sparkles,
} from 'lucide';
import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { phoneStates as t } from '../text/en/phone-states.ts';
import { Pill, type PillLook } from './parts.tsx';

type Phone = ReplyOf<'GET /api/home'>['phones'][number];
/** `awayUntil` may not be known. */
type Stands = Pick<Phone, 'state' | 'counts' | 'silentNights'> & Readonly<{ awayUntil?: number | null }>;
type Shown = Readonly<{ look: PillLook; icon: IconNode; words: string }>;

/** How it stands with a phone, in a word. */
export function PhoneStatePill({ phone }: { phone: Stands }) {
  const { look, icon, words } = shownAs(phone);
  return (
    <Pill look={look} icon={icon}>
      {words}
    </Pill>
  );
}

/** What is so of a phone that is away too, and worth more to know. */
const louder: readonly Phone['state'][] = ['arriving', 'refused', 'all-safe'];

function shownAs({ state, counts, silentNights, awayUntil = null }: Stands): Shown {
  const now = boxNow();
  if (awayUntil !== null && awayUntil > now && !louder.includes(state)) {
    return { look: 'quiet', icon: Plane, words: t.away(awayUntil, now) };
  }
  switch (state) {
    case 'all-safe':
      return { look: 'safe', icon: ShieldCheck, words: t['all-safe'] };
    case 'came-in':
      return { look: 'safe', icon: Check, words: t['came-in'] };
    case 'arriving':
      return { look: 'waiting', icon: Download, words: t.arriving };
    case 'waiting':
      return { look: 'waiting', icon: Clock, words: t.waiting(counts?.waiting ?? 0) };
    case 'refused':
      return { look: 'act', icon: CircleX, words: t.refused((counts?.refused ?? 0) - (counts?.deleted ?? 0)) };
    case 'silent':
      return { look: 'watch', icon: Moon, words: t.silent(silentNights) };
    case 'not-yet':
      return { look: 'quiet', icon: Clock, words: t['not-yet'] };
    case 'unknown':
      return { look: 'quiet', icon: CircleQuestionMark, words: t.unknown };
    case 'new':
      return { look: 'quiet', icon: Sparkles, words: t.new };
  }
}
