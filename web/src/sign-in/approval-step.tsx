import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, boxNow, Refusal, type ReplyOf } from '../ask/ask.ts';
import { asRefusal } from '../ask/use-ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Button } from '../ui/button.tsx';
import { DigitsShown } from '../ui/digits-shown.tsx';
import { RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Frame, OtherWays, type Way } from './frame.tsx';
import { keepApproval, keepWay, keptApproval } from './kept.ts';

/** As `requestLifeMs` of the box's approvals. */
const lifeMs = 10 * 60_000;
const heldMs = 25_000;
const pauseMs = 2_000;

type Request = ReplyOf<'POST /api/sessions/current/approval'>;
type Ended = 'approved' | 'denied' | 'over';

type ApprovalProps = Readonly<{
  person: Readonly<{ name: string; notYou: () => void }>;
  ways: readonly Way[];
  onWay: (way: Way) => void;
  onApproved: () => Promise<unknown>;
  onDenied: () => Promise<unknown>;
}>;

/** Six digits that the person's phone asks for. They are shown here and nowhere else. */
export function ApprovalStep({ person, ways, onWay, onApproved, onDenied }: ApprovalProps) {
  const { request, over, refusal, anew } = useApproval(async (ended) => {
    if (ended === 'denied') return void (await onDenied());
    keepWay('approval');
    await onApproved();
  });
  return (
    <Frame
      title={t.approvalTitle}
      lead={request === undefined ? '\u00a0' : t.openOn(request.approvers)}
      person={person}
      saying={{ title: t.phoneStepTitle, text: t.stepText }}
    >
      {request === undefined ? (
        refusal === undefined && <Skeleton height="10rem" />
      ) : (
        <DigitsShown digits={request.digits} expiresAt={request.expiresAt} lifeMs={lifeMs} over={over} />
      )}
      <RefusalNote refusal={refusal ?? (over ? new Refusal('approval-over', t.digitsOver) : undefined)} />
      {over || refusal !== undefined ? (
        <Button onClick={anew}>{t.newDigits}</Button>
      ) : (
        <p class="sign-in-waiting" role="status">
          {request !== undefined && (
            <>
              <span class="ring" aria-hidden="true" />
              {t.waitingFor(request.approvers)}
            </>
          )}
        </p>
      )}
      <OtherWays ways={ways} shown="approval" onChoose={onWay} />
    </Frame>
  );
}

/** Asks the phones and waits for their answer, as long as the step is shown. `onEnded`: approved, or denied. */
function useApproval(onEnded: (ended: 'approved' | 'denied') => Promise<void>) {
  const [round, setRound] = useState(0);
  const [request, setRequest] = useState<Request>();
  const [over, setOver] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    const own = new AbortController();
    const go = async () => {
      setOver(false);
      setRefusal(undefined);
      const asked = await openRequest(round > 0, own.signal);
      if (own.signal.aborted) return;
      setRequest(asked);
      const ended = await answerTo(asked, own.signal);
      if (own.signal.aborted) return;
      keepApproval(undefined);
      if (ended === 'over') setOver(true);
      else await onEnded(ended);
    };
    go().catch((error: unknown) => {
      if (!own.signal.aborted) setRefusal(asRefusal(error));
    });
    return () => own.abort();
  }, [round]);
  return { request, over, refusal, anew: useCallback(() => setRound((before) => before + 1), []) };
}

/** Digits that this tab had asked for before it was loaded anew are still good. */
async function openRequest(anew: boolean, signal: AbortSignal): Promise<Request> {
  const kept = anew ? undefined : keptRequest();
  if (kept !== undefined) {
    const params = { id: kept.id };
    const answer = await ask('GET /api/sessions/current/approval/:id', { params, signal }).catch(() => undefined);
    // Approved meanwhile: waiting for it goes on at once.
    if (answer?.state === 'open' || answer?.state === 'approved') return kept;
  }
  const asked = await ask('POST /api/sessions/current/approval', { signal });
  keepApproval(JSON.stringify(asked));
  return asked;
}

function keptRequest(): Request | undefined {
  try {
    const kept = JSON.parse(keptApproval() ?? '') as Request;
    return kept.expiresAt > boxNow() ? kept : undefined;
  } catch {
    return undefined;
  }
}

async function answerTo({ id, expiresAt }: Request, signal: AbortSignal): Promise<Ended> {
  // The box ends it by itself; should it never answer again, its time does.
  while (!signal.aborted && boxNow() < expiresAt + heldMs) {
    const given = { params: { id }, query: { waitMs: heldMs }, waitMs: heldMs, signal };
    try {
      const { state } = await ask('GET /api/sessions/current/approval/:id', given);
      if (state === 'approved' || state === 'done') return 'approved';
      if (state === 'denied') return 'denied';
      if (state === 'dead') return 'over';
    } catch (error) {
      const { status } = asRefusal(error);
      if (signal.aborted || status === 401) throw error;
      if (status === 404 || status === 410) return 'over';
      await new Promise((resolve) => window.setTimeout(resolve, pauseMs));
    }
  }
  return 'over';
}
