import { ArrowRightLeft, CloudUpload, Download, HardDrive, Hash, KeyRound, Plug, ShieldCheck, ShieldOff } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { type OwnPhone, putOwnPhone, storageIsKept, useApproverKey } from '../ask/own-phone.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { room } from '../text/en/room.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { moment } from '../text/format.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { ConnectedApps } from '../ui/connected-apps.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { Pill, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { Way } from '../ui/way.tsx';
import { type Due, dueOf } from './due.ts';
import { DueNote } from './due-note.tsx';
import { Frame } from './frame.tsx';
import { Stranger } from './not-paired.tsx';

const againMs = 15_000;
type Details = ReplyOf<'GET /api/phone'>;
type Facts = Readonly<{
  details: Details;
  status: ReplyOf<'GET /api/phone/status'> | undefined;
  /** `none`: no key is registered; `lost`: one is, and it is not here. */
  approverKey: 'here' | 'lost' | 'none';
  kept: boolean;
  due: Due | undefined;
  limits: ReplyOf<'GET /api/limits'>;
}>;

export function Overview({ phone }: { phone: OwnPhone }) {
  const { answer, refusal, again } = useAsk(() => look(phone), [phone.token]);
  const away = refusal !== undefined && refusal.status !== 401;
  useEffect(() => {
    if (!away) return;
    const timer = window.setInterval(() => void again(), againMs);
    return () => window.clearInterval(timer);
  }, [away, again]);
  if (refusal?.status === 401) return <Stranger />;
  return (
    <Frame title={phone.phone}>
      <p class="second phone-lead">{thisPhone.lead(phone.person, phone.box)}</p>
      {away && (
        <p class="card phone-away" role="status">
          {thisPhone.away}
        </p>
      )}
      {answer !== undefined && answer.approverKey !== 'here' && <LostKey never={answer.approverKey === 'none'} />}
      {answer?.due !== undefined && <DueNote due={answer.due} />}
      <ul class="card ways">
        <Way href="/this-phone/backup" icon={CloudUpload} title={thisPhone.backUp} text={thisPhone.backUpText} first />
        <Way href="/connect/apps" icon={Plug} title={thisPhone.connect} text={thisPhone.connectText} />
        <Way href="/this-phone/restore" icon={Download} title={thisPhone.restore} text={thisPhone.restoreText} />
        <Way href="/this-phone/room" icon={HardDrive} title={room.title} text={room.text} />
        <Way href="/this-phone/codes" icon={Hash} title={thisPhone.codes} text={thisPhone.codesText} />
        <Way href="/this-phone/move" icon={ArrowRightLeft} title={thisPhone.move} text={thisPhone.moveText} />
      </ul>
      {answer === undefined ? (
        <Skeleton height="17rem" />
      ) : (
        <About
          {...answer}
          token={phone.token}
          onChanged={({ name }) => void putOwnPhone({ ...phone, phone: name }).then(again)}
        />
      )}
      <ConnectedApps phone={phone.phoneId} token={phone.token} own />
    </Frame>
  );
}

async function look(phone: OwnPhone): Promise<Facts> {
  const { token } = phone;
  const [details, told, status, nights, limits] = await Promise.all([
    ask('GET /api/phone', { token }),
    ask('GET /api/approvals', { token }),
    // Without its disk the box still knows the phone.
    ask('GET /api/phone/status', { token }).catch(() => undefined),
    ask('GET /api/nights', { token }),
    ask('GET /api/limits', { token }),
  ]);
  const here = told.approver !== null && (await useApproverKey(told.approver.publicKey));
  if (told.phone !== phone.phone || told.person !== phone.person) {
    await putOwnPhone({ ...phone, phone: told.phone, person: told.person });
  }
  const approverKey = here ? 'here' : told.approver === null ? 'none' : 'lost';
  const { awayUntil, tells } = details;
  const due =
    status &&
    dueOf({
      now: boxNow(),
      lastReceivedAt: latest(status.lastReceivedAt, status.fromBrowserAt),
      waiting: tells.includes('waiting') ? status.waiting : 0,
      awayUntil,
      nights,
    });
  return { details, status, approverKey, kept: await storageIsKept(), due, limits };
}

/** Milliseconds; null: neither was. */
function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function LostKey({ never }: { never: boolean }) {
  return (
    <section class="card watch stack">
      <h2 class="head">{never ? thisPhone.noKeyTitle : thisPhone.lostKeyTitle}</h2>
      <p>{thisPhone.lostKeyText}</p>
      <div class="buttons">
        <LinkButton href="/this-phone/register">{thisPhone.registerAgain}</LinkButton>
      </div>
    </section>
  );
}

function About({ details, status, approverKey, kept, limits, token, onChanged }: AboutProps) {
  const [changing, setChanging] = useState(false);
  const approves = approverKey === 'here';
  return (
    <section class="card">
      <div class="row spread">
        <h2 class="head">{thisPhone.about}</h2>
        <Button look="quiet" onClick={() => setChanging(true)}>
          {thisPhone.change}
        </Button>
      </div>
      <dl class="rows phone-facts">
        <Fact name={thisPhone.signIns}>
          {approves ? (
            <Pill look="safe" icon={ShieldCheck}>
              {thisPhone.approves}
            </Pill>
          ) : (
            <Pill look="quiet" icon={ShieldOff}>
              {thisPhone.approvesNot}
            </Pill>
          )}
        </Fact>
        {approves && (
          <Fact name={thisPhone.key}>
            <Icon of={KeyRound} size={16} /> {kept ? thisPhone.keyKept : thisPhone.keyWhileData}
          </Fact>
        )}
        <Fact name={thisPhone.folder}>{details.baseFolder}</Fact>
        {limits.quotaBytes !== null && limits.used !== null && (
          <Fact name={thisPhone.room}>
            {thisPhone.roomLeft(Math.max(0, limits.quotaBytes - limits.used.bytes), limits.quotaBytes)}
          </Fact>
        )}
        {status !== undefined && (
          <>
            <Fact name={thisPhone.last}>
              {status.lastReceivedAt === null ? thisPhone.never : moment(status.lastReceivedAt, boxNow())}
            </Fact>
            {status.fromBrowser > 0 && (
              <Fact name={thisPhone.fromBrowser}>{thisPhone.fromBrowserCount(status.fromBrowser)}</Fact>
            )}
          </>
        )}
      </dl>
      <Dialog title={thisPhone.changeTitle} open={changing} onClose={() => setChanging(false)}>
        <ChangeForm
          details={details}
          token={token}
          onDone={(next) => {
            setChanging(false);
            onChanged(next);
          }}
        />
      </Dialog>
    </section>
  );
}
type AboutProps = Facts & Readonly<{ token: string; onChanged: (details: { name: string }) => void }>;

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ChangeForm({ details, token, onDone }: ChangeProps) {
  const [name, setName] = useState(details.name);
  const [baseFolder, setBaseFolder] = useState(details.baseFolder);
  const { busy, refusal, run } = useDoing(async () =>
    onDone(await ask('PATCH /api/phone', { body: { name: name.trim(), baseFolder }, token })),
  );
  const home = details.baseFolder.split('/').slice(0, 2).join('/');
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <RefusalNote refusal={refusal} />
      <Field label={thisPhone.name} value={name} onInput={setName} maxLength={64} autocomplete="off" required />
      <Field
        label={thisPhone.folder}
        value={baseFolder}
        onInput={setBaseFolder}
        hint={thisPhone.folderHint(home)}
        options={details.folders}
        maxLength={512}
        autocomplete="off"
        required
      />
      <div class="buttons">
        <Button type="submit" busy={busy} disabled={name.trim() === ''}>
          {common.save}
        </Button>
      </div>
    </form>
  );
}
type ChangeProps = Readonly<{ details: Details; token: string; onDone: (details: { name: string }) => void }>;
