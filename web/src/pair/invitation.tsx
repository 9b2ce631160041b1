import { KeyRound } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, Refusal, type ReplyOf } from '../ask/ask.ts';
import { keepStorage, makeApproverKey, type OwnPhone, putOwnPhone, useApproverKey } from '../ask/own-phone.ts';
import { deviceHere } from '../ask/system.ts';
import { asRefusal, useDoing } from '../ask/use-ask.ts';
import { pair } from '../text/en/pair.ts';
import { clock } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { Field, SelectField } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { Narrow } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { ByCommand } from './by-command.tsx';

type Invitation = ReplyOf<'POST /api/pairings/look'>;
/** `by`: what opened it. `fragment`: of the link, whose words were there before anybody on the network could answer. */
export type Invited = Readonly<{
  by: { secret: string } | { code: string };
  invitation: Invitation;
  fragment: URLSearchParams;
}>;
type JoinedPhone = Readonly<{ phone: OwnPhone; approver: boolean; recoveryCodes: readonly string[] }>;

const namedMax = 64;
const tickMs = 5_000;
const other = ' other';

export function InvitationStep({ by, invitation, fragment, step, onJoined, onRefused, onOver }: StepProps) {
  const [name, setName] = useState(() => firstName(invitation));
  const [folder, setFolder] = useState(invitation.baseFolder);
  const [left, setLeft] = useState(() => invitation.expiresAt - boxNow());
  const joining = useDoing(async () => {
    try {
      onJoined(await join(by, invitation, name, folder));
    } catch (error) {
      const refusal = asRefusal(error);
      if (pair.ending(refusal.code) === undefined) throw refusal;
      onOver(refusal);
    }
  });
  const refusing = useDoing(async () => {
    await ask('POST /api/pairings/refuse', { body: by });
    history.replaceState(null, '', '/pair');
    onRefused();
  });
  useEffect(() => {
    const timer = window.setInterval(() => {
      const now = invitation.expiresAt - boxNow();
      setLeft(now);
      if (now <= 0 && !joining.busy) onOver(new Refusal('pairing-expired', ''));
    }, tickMs);
    return () => window.clearInterval(timer);
  }, [invitation, joining.busy]);
  const minutes = Math.ceil(left / 60_000);
  return (
    <Narrow title={pair.title(invitation.person)} step={step}>
      <p class="second">
        {pair.made(invitation.by, clock(invitation.openedAt))} {minutes <= 5 && pair.runsOut(minutes)}
      </p>
      {invitation.replaces !== null && <p class="card watch">{pair.replaces(invitation.replaces)}</p>}
      <form
        class="stack pair-form"
        onSubmit={(event) => {
          event.preventDefault();
          void joining.run();
        }}
      >
        <Field label={pair.name} value={name} onInput={setName} maxLength={namedMax} required autocomplete="off" />
        <FolderField invitation={invitation} folder={folder} onChange={setFolder} />
        <div class="card pair-key">
          <Icon of={KeyRound} />
          <p>{invitation.mayApprove ? pair.key : pair.keyOnly}</p>
        </div>
        <Compare fingerprint={fragment.get('f') ?? invitation.fingerprint} byCode={'code' in by} />
        {'secret' in by && <ByCommand fragment={fragment} />}
        <div class="stack pair-foot">
          <RefusalNote refusal={joining.refusal ?? refusing.refusal} />
          <Button type="submit" busy={joining.busy} disabled={name.trim() === ''} wide>
            {pair.pairThis}
          </Button>
          <Button look="warn" busy={refusing.busy} onClick={() => void refusing.run()} wide>
            {pair.notMine}
          </Button>
        </div>
      </form>
    </Narrow>
  );
}
type StepProps = Invited &
  Readonly<{
    step: ComponentChildren;
    onJoined: (joined: JoinedPhone) => void;
    onRefused: () => void;
    onOver: (error: unknown) => void;
  }>;

function firstName({ phone, person }: Invitation): string {
  return phone === '' ? [...pair.suggestedName(person, deviceHere())].slice(0, namedMax).join('') : phone;
}

/** Makes the key, has it kept, and only then uses the invitation up. */
async function join(by: Invited['by'], invitation: Invitation, name: string, folder: string): Promise<JoinedPhone> {
  await keepStorage();
  // Without a key it pairs all the same: the phone's page offers to register it later.
  const approverKey = invitation.mayApprove ? await makeApproverKey().catch(() => undefined) : undefined;
  // This page is as new as the box that gave it.
  const clientVersion = await ask('GET /api/health').then(
    ({ version }) => version,
    () => undefined,
  );
  const redeemed = await ask('POST /api/pairings/redeem', {
    body: {
      ...by,
      client: 'web-page',
      phone: name.trim(),
      baseFolder: folder,
      ...(clientVersion === undefined ? {} : { clientVersion }),
      ...(approverKey === undefined ? {} : { approverKey }),
    },
  });
  const { phoneId, phone, person, box, token, approver, recoveryCodes } = redeemed;
  const own = { phoneId, phone, person, box, token };
  await putOwnPhone(own);
  if (approver && approverKey !== undefined) await useApproverKey(approverKey).catch(() => false);
  // The secret is spent: it need not stay in the address and the history.
  history.replaceState(null, '', '/pair');
  return { phone: own, approver, recoveryCodes };
}

function FolderField({ invitation, folder, onChange }: FolderProps) {
  const [typing, setTyping] = useState(false);
  const home = homeOf(invitation);
  const known = [...new Set([invitation.baseFolder, home, ...invitation.folders])];
  return (
    <>
      <SelectField
        label={pair.folder}
        value={typing ? other : folder}
        options={[...known.map((one) => ({ value: one, label: one })), { value: other, label: pair.otherFolder }]}
        onChange={(value) => {
          setTyping(value === other);
          onChange(value === other ? `${home}/` : value);
        }}
        hint={pair.folderHint}
      />
      {typing && (
        <Field
          label={pair.newFolder}
          value={folder}
          onInput={onChange}
          hint={pair.newFolderHint(home)}
          autofocus
          maxLength={512}
        />
      )}
    </>
  );
}
type FolderProps = Readonly<{ invitation: Invitation; folder: string; onChange: (folder: string) => void }>;

/** `Photos/<person's folder>`, which every folder of theirs begins with. */
function homeOf({ baseFolder }: Invitation): string {
  return baseFolder.split('/').slice(0, 2).join('/');
}

function Compare({ fingerprint, byCode }: { fingerprint: string; byCode: boolean }) {
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) return null;
  return (
    <details class="pair-more">
      <summary>{pair.compare}</summary>
      <p class="mono pair-fingerprint">{fingerprint.match(/.{4}/g)?.join(' ')}</p>
      <p class="cap">
        {pair.compareText} {byCode && pair.compareByCode}
      </p>
    </details>
  );
}
