import { useEffect, useState } from 'preact/hooks';
import type { OwnPhone } from '../ask/own-phone.ts';
import { asRefusal, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { restore } from '../text/en/restore.ts';
import { Button } from '../ui/button.tsx';
import { say } from '../ui/page.tsx';
import { Bar, RefusalNote } from '../ui/parts.tsx';
import { Frame } from './frame.tsx';
import { archiveOf, download, filesOf } from './restore-fetch.ts';
import type { Round } from './restore-plan.ts';

/** Round by round: got from the box first, then one press, since a share needs one (W3C Web Share, section 2.1.2). */
export function Rounds({ phone, rounds, done }: { phone: OwnPhone; rounds: readonly Round[]; done: () => void }) {
  const [at, setAt] = useState(0);
  const round = rounds[at];
  useEffect(() => {
    if (round !== undefined) say(restore.round(at + 1, rounds.length));
  }, [at]);
  if (round === undefined) {
    const files = rounds.reduce((total, { entries }) => total + entries.length, 0);
    return (
      <Frame title={restore.doneTitle(files)} back>
        <p class="second measure">{restore.doneText}</p>
        <div class="buttons">
          <Button onClick={done}>{restore.done}</Button>
        </div>
      </Frame>
    );
  }
  return (
    <Frame title={restore.round(at + 1, rounds.length)} back>
      <Bar share={at / rounds.length} label={restore.round(at + 1, rounds.length)} />
      <OneRound key={at} phone={phone} round={round} at={at} onDone={() => setAt(at + 1)} />
    </Frame>
  );
}

function OneRound({ phone, round, at, onDone }: RoundProps) {
  const [files, setFiles] = useState<readonly File[]>();
  const [failed, setFailed] = useState<unknown>();
  const [paused, setPaused] = useState(false);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    setFailed(undefined);
    void got(phone, round, at, leaving.signal).then(setFiles, (error: unknown) => {
      if (!leaving.signal.aborted) setFailed(error);
    });
    return () => leaving.abort();
  }, [phone, round, at, tries]);
  const saving = useDoing(async () => {
    if (files === undefined) return;
    if (round.by === 'share' && navigator.canShare?.({ files: [...files] }) === true) {
      try {
        await navigator.share({ files: [...files] });
      } catch (error) {
        // The sheet was closed: a pause, and no error.
        if ((error as Error).name !== 'AbortError') throw error;
        setPaused(true);
        return;
      }
    } else for (const file of files) download(file);
    onDone();
  });
  if (failed !== undefined) {
    return (
      <>
        <RefusalNote refusal={asRefusal(failed)} />
        <Button look="secondary" onClick={() => setTries(tries + 1)}>
          {common.again}
        </Button>
      </>
    );
  }
  return (
    <section class="card stack">
      <p role="status">
        {files === undefined ? restore.fetching(round.bytes) : paused ? restore.paused : restore.ready}
      </p>
      <RefusalNote refusal={saving.refusal} />
      <div class="buttons">
        <Button disabled={files === undefined} busy={saving.busy} onClick={() => void saving.run()}>
          {round.by === 'share' ? restore.save(round.entries.length) : restore.download(round.bytes)}
        </Button>
      </div>
    </section>
  );
}
type RoundProps = Readonly<{ phone: OwnPhone; round: Round; at: number; onDone: () => void }>;

async function got(phone: OwnPhone, round: Round, at: number, signal: AbortSignal): Promise<readonly File[]> {
  if (round.by !== 'zip') return filesOf(phone, round, signal);
  return [await archiveOf(phone, round, `Nightjar ${at + 1}.zip`, signal)];
}
