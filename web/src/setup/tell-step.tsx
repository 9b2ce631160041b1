import { ask } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button } from '../ui/button.tsx';
import { ChannelCards } from '../ui/channels.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

/** Who is told off the page: nobody, unless the owner says so. It can be added later under Settings. */
export function TellStep({ firstRun, onNext }: { firstRun: FirstRun; onNext: (firstRun: FirstRun) => void }) {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/channels', { signal }));
  const set = answer !== undefined && (answer.mail?.enabled === true || answer.webhook?.enabled === true);
  const next = useDoing(async () => {
    const given = { params: { step: 'tell' }, body: { state: set ? 'done' : 'later' } } as const;
    onNext(await ask('PUT /api/first-run/steps/:step', given));
  });
  return (
    <Frame step="tell" firstRun={firstRun} title={t.tellTitle} lead={t.tellText}>
      {answer === undefined && refusal === undefined && <Skeleton height="14rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && <ChannelCards channels={answer} onChange={put} />}
      <RefusalNote refusal={next.refusal} />
      <Buttons>
        <Button busy={next.busy} onClick={() => void next.run()}>
          {set ? t.next : t.tellLater}
        </Button>
      </Buttons>
    </Frame>
  );
}
