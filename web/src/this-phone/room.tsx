/** What this phone may remove to free its room, month by month, and how that is done by hand: nothing is removed here. */
import { CloudAlert, HardDrive, ImageOff } from 'lucide';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { systemHere } from '../ask/system.ts';
import { useAsk } from '../ask/use-ask.ts';
import { room } from '../text/en/room.ts';
import { month as monthName } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';
import { CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';
import { Stranger } from './not-paired.tsx';
import './room.css';

type Item = ReplyOf<'GET /api/phone/safe-to-remove'>['items'][number];
/** `first` and `last`: when the bytes of one were compared with their checksum, the longest ago and the latest. */
type Month = { month: string; files: number; bytes: number; first: number; last: number };

const pageItems = 500;
const pagesMax = 2_000;

export function Room({ phone }: { phone: OwnPhone }) {
  const { answer, refusal, again } = useAsk((signal) => monthsOf(phone, signal), [phone.token]);
  if (refusal?.status === 401) return <Stranger />;
  return (
    <Frame title={room.title} back>
      {refusal !== undefined ? (
        <CouldNotLoad refusal={refusal} again={() => void again()} />
      ) : answer === undefined ? (
        <section aria-busy="true">
          <p class="only-read" role="status">
            {room.looking}
          </p>
          <Skeleton height="30rem" />
        </section>
      ) : answer.length === 0 ? (
        <EmptyState icon={ImageOff} title={room.none}>
          {room.noneText}
        </EmptyState>
      ) : (
        <>
          <Sum months={answer} />
          <How />
          <Months months={answer} />
        </>
      )}
    </Frame>
  );
}

function Sum({ months }: { months: readonly Month[] }) {
  const files = months.reduce((sum, month) => sum + month.files, 0);
  const bytes = months.reduce((sum, month) => sum + month.bytes, 0);
  return (
    <section class="card stack">
      <h2>
        <span class="figure room-figure">{room.size(bytes)}</span>
        <span class="second">{room.sum(files)}</span>
      </h2>
      <p>{room.lead}</p>
      <p class="room-note">
        <Icon of={HardDrive} />
        <span>{room.onlyCopy}</span>
      </p>
    </section>
  );
}

function How() {
  const system = systemHere();
  return (
    <section class="card stack">
      <h2 class="head">{room.how}</h2>
      <ol class="room-steps">
        {room.steps[system].map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <div class="room-note">
        <Icon of={CloudAlert} />
        <div>
          <p class="strong">{room.cloudTitle}</p>
          <p>{room.cloud[system]}</p>
        </div>
      </div>
    </section>
  );
}

function Months({ months }: { months: readonly Month[] }) {
  return (
    <section class="card">
      <h2 class="head">{room.months}</h2>
      <ul class="rows">
        {months.map(({ month, files, bytes, first, last }) => (
          <li key={month} class="room-month">
            <div>
              <p class="strong">{monthName(month)}</p>
              <p class="cap">{room.checked(first, last, boxNow())}</p>
            </div>
            <div class="room-much">
              <p class="strong">{room.size(bytes)}</p>
              <p class="cap">{room.sum(files)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The newest first. The box looks at each file on its disk for it, some hundreds at a time. */
async function monthsOf({ token }: OwnPhone, signal: AbortSignal): Promise<Month[]> {
  const months = new Map<string, Month>();
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const query = { limit: pageItems, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await ask('GET /api/phone/safe-to-remove', { query, token, signal });
    for (const item of items) count(months, item);
    if (next === null) return [...months.values()].sort((a, b) => (a.month < b.month ? 1 : -1));
    cursor = next;
  }
  throw new Error('The list does not come to an end.');
}

function count(months: Map<string, Month>, { month, size, receivedAt, verifiedAt }: Item): void {
  const at = verifiedAt ?? receivedAt;
  const known = months.get(month) ?? { month, files: 0, bytes: 0, first: at, last: at };
  known.files += 1;
  known.bytes += size;
  known.first = Math.min(known.first, at);
  known.last = Math.max(known.last, at);
  months.set(month, known);
}
