import { Pencil, Plus, ShieldCheck, ShieldOff, Smartphone, Timer, Trash2 } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type Refusal } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button, IconButton, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { CouldNotLoad, Pill, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { AddCodes } from './add-codes.tsx';
import type { Factors } from './factors.ts';
import { NameDialog } from './name-dialog.tsx';

/** One way past the second lock: a phone that approves, or an app that shows codes. */
type Way = Readonly<{ id: string; name: string; words: string; icon: IconNode; phoneId?: string }>;
type Asked = Readonly<{ what: 'rename' | 'remove'; way: Way }> | Readonly<{ what: 'add' }>;
type CardProps = Readonly<{ factors: Factors | undefined; refusal: Refusal | undefined; onChange: () => void }>;

export function SecondLockCard({ factors, refusal, onChange }: CardProps) {
  const [asked, setAsked] = useState<Asked>();
  if (factors === undefined) {
    return refusal === undefined ? <Skeleton height="18rem" /> : <CouldNotLoad refusal={refusal} again={onChange} />;
  }
  const ways = waysOf(factors);
  const close = () => setAsked(undefined);
  const done = () => {
    close();
    onChange();
  };
  return (
    <section class="card stack" aria-labelledby="second-lock">
      <div class="security-card-head">
        <div>
          <h2 class="head" id="second-lock">
            {t.secondLock}
          </h2>
          <p class="cap">{ways.length === 0 ? t.offText : t.secondLockText}</p>
        </div>
        {ways.length === 0 ? (
          <Pill look="watch" icon={ShieldOff}>
            {t.off}
          </Pill>
        ) : (
          <Pill look="safe" icon={ShieldCheck}>
            {t.on}
          </Pill>
        )}
      </div>
      {ways.length > 0 && (
        <ul class="rows">
          {ways.map((way) => (
            <li key={way.id} class="security-line">
              <Icon of={way.icon} />
              <div class="security-words">
                <p class="strong">{way.name}</p>
                <p class="cap">{way.words}</p>
              </div>
              <IconButton
                of={Pencil}
                label={t.renameTitle(way.name)}
                onClick={() => setAsked({ what: 'rename', way })}
              />
              <IconButton
                of={Trash2}
                label={t.removeCodes(way.name)}
                onClick={() => setAsked({ what: 'remove', way })}
              />
            </li>
          ))}
        </ul>
      )}
      <div class="buttons">
        <LinkButton look="secondary" icon={Plus} href="/phones/pair">
          {t.addPhone}
        </LinkButton>
        <Button look="secondary" icon={Plus} onClick={() => setAsked({ what: 'add' })}>
          {t.addCodes}
        </Button>
      </div>
      {asked?.what === 'rename' && (
        <NameDialog
          title={t.renameTitle(asked.way.name)}
          name={asked.way.name}
          onSave={async (name) => {
            await rename(asked.way, name);
            done();
          }}
          onClose={close}
        />
      )}
      {asked?.what === 'remove' && <Remove way={asked.way} last={ways.length === 1} onClose={close} onDone={done} />}
      {asked?.what === 'add' && <AddCodes onClose={close} onDone={done} />}
    </section>
  );
}

function waysOf({ approvers, authenticators }: Factors): Way[] {
  const used = (ms: number | null) => (ms === null ? undefined : moment(ms, boxNow()));
  return [
    ...approvers.map(
      ({ id, phoneId, name, lastUsedAt }): Way => ({
        id,
        phoneId,
        name,
        words: t.approves(used(lastUsedAt)),
        icon: Smartphone,
      }),
    ),
    ...authenticators.map(
      ({ id, name, lastUsedAt, createdAt }): Way => ({
        id,
        name,
        words: t.codesOf(used(lastUsedAt), moment(createdAt, boxNow())),
        icon: Timer,
      }),
    ),
  ];
}

/** An approver is called as its phone is. */
async function rename({ id, phoneId }: Way, name: string): Promise<void> {
  if (phoneId !== undefined) await ask('PATCH /api/phones/:id', { params: { id: phoneId }, body: { name } });
  else await confirmFirst(() => ask('PATCH /api/authenticators/:id', { params: { id }, body: { name } }));
}

type RemoveProps = Readonly<{ way: Way; last: boolean; onClose: () => void; onDone: () => void }>;

function Remove({ way, last, onClose, onDone }: RemoveProps) {
  const approver = way.phoneId !== undefined;
  const { busy, refusal, run } = useDoing(async () => {
    const given = { params: { id: way.id } };
    await confirmFirst(() =>
      approver ? ask('DELETE /api/approvers/:id', given) : ask('DELETE /api/authenticators/:id', given),
    );
    onDone();
  });
  return (
    <Dialog title={approver ? t.removeApprover(way.name) : t.removeCodes(way.name)} open onClose={onClose} busy={busy}>
      <p class="second">{approver ? t.removeApproverText : t.removeCodesText}</p>
      {last && <p class="strong">{t.lastFactor}</p>}
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button look="destructive" busy={busy} onClick={() => void run()}>
          {t.remove}
        </Button>
        <Button look="secondary" onClick={onClose}>
          {t.keep}
        </Button>
      </div>
    </Dialog>
  );
}
