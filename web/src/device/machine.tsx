/**
 * Owns the page about ending: restarting, shutting down, making the box new. The owner's alone; shown by the app at
 * /settings/machine.
 */
import { Eraser, Power, RotateCw, ShieldOff } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { device, machine as t } from '../text/en/device.ts';
import { settings } from '../text/en/settings.ts';
import { Button } from '../ui/button.tsx';
import { ComingBack, type Going } from '../ui/coming-back.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { NotHere } from '../ui/not-here.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { TypedConfirmation } from '../ui/typed-confirmation.tsx';
import './device.css';

export function MachinePage() {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/box', { signal }));
  const [going, setGoing] = useState<Going>();
  const back = () => {
    setGoing(undefined);
    void again();
  };
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer?.appliance === false && <NotHere text={device.notHereMachine} />}
      {going !== undefined && <ComingBack how={going} onDone={back} />}
      {answer?.appliance === true && going === undefined && (
        <>
          <p class="second measure">{t.lead}</p>
          <div class="stack device-narrow" style={{ '--gap': 'var(--s5)' }}>
            <RestartCard onGoing={() => setGoing('restart')} />
            <OffCard onGoing={() => setGoing('off')} />
            <ResetCard name={answer.name} onGoing={() => setGoing('reset')} />
            <Part id="lost-lock" icon={ShieldOff} title={t.lock} text={t.lockText}>
              <p>
                <a href="/security">{t.toSecurity}</a>
              </p>
            </Part>
          </div>
        </>
      )}
    </Page>
  );
}

type PartProps = Readonly<{ id: string; icon: IconNode; title: string; text: string; children: ComponentChildren }>;

function Part({ id, icon, title, text, children }: PartProps) {
  return (
    <section class="card device-line" aria-labelledby={id}>
      <Icon of={icon} />
      <div class="words stack" style={{ '--gap': 'var(--s3)' }}>
        <div>
          <h2 class="head" id={id}>
            {title}
          </h2>
          <p class="second measure">{text}</p>
        </div>
        {children}
      </div>
    </section>
  );
}

function RestartCard({ onGoing }: { onGoing: () => void }) {
  const { busy, refusal, run } = useDoing(async () => {
    await confirmFirst(() => ask('POST /api/box/restart'));
    onGoing();
  });
  return (
    <Part id="restart" icon={RotateCw} title={t.restart} text={t.restartText}>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button look="secondary" busy={busy} onClick={() => void run()}>
          {t.restartDo}
        </Button>
      </div>
    </Part>
  );
}

function OffCard({ onGoing }: { onGoing: () => void }) {
  const [open, setOpen] = useState(false);
  const { busy, refusal, run, clear } = useDoing(async () => {
    await confirmFirst(() => ask('POST /api/box/shut-down'));
    setOpen(false);
    onGoing();
  });
  const close = () => {
    clear();
    setOpen(false);
  };
  return (
    <Part id="off" icon={Power} title={t.off} text={t.offText}>
      <div class="buttons">
        <Button look="secondary" onClick={() => setOpen(true)}>
          {t.offDo}
        </Button>
      </div>
      <Dialog title={t.offSure} open={open} onClose={close} busy={busy}>
        <p>{t.offSureText}</p>
        <RefusalNote refusal={refusal} />
        <div class="buttons">
          <Button look="secondary" disabled={busy} onClick={close}>
            {common.cancel}
          </Button>
          <Button busy={busy} onClick={() => void run()}>
            {t.offDo}
          </Button>
        </div>
      </Dialog>
    </Part>
  );
}

function ResetCard({ name, onGoing }: { name: string; onGoing: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Part id="reset" icon={Eraser} title={t.reset} text={t.resetText}>
      <p class="second measure">{t.resetThen}</p>
      <div class="buttons">
        <Button look="warn" onClick={() => setOpen(true)}>
          {t.resetDo}
        </Button>
      </div>
      <TypedConfirmation
        title={t.resetSure(name)}
        open={open}
        onClose={() => setOpen(false)}
        text={t.resetSureText}
        expected={name}
        action={t.resetAction(name)}
        onConfirm={async (typed) => {
          await confirmFirst(() => ask('POST /api/box/factory-reset', { body: { name: typed } }));
          setOpen(false);
          onGoing();
        }}
      />
    </Part>
  );
}
