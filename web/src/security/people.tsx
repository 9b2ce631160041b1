import { Copy, LockOpen, Pencil, Trash2, UserPlus } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button, IconButton, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Page, say } from '../ui/page.tsx';
import { Avatar, CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { TypedConfirmation } from '../ui/typed-confirmation.tsx';
import { PersonUse } from './limits.tsx';
import { NameDialog } from './name-dialog.tsx';

type Housemate = ReplyOf<'GET /api/people'>['people'][number];
type Invitation = Readonly<{ person: string; link: string; expiresAt: number }>;
type Asked =
  | Readonly<{ what: 'rename' | 'unlock' | 'remove' | 'erase'; person: Housemate }>
  | Readonly<{ what: 'add' }>;

export function PeopleCard() {
  return (
    <section class="card security-card-head" aria-labelledby="people-card">
      <div>
        <h2 class="head" id="people-card">
          {t.people}
        </h2>
        <p class="cap">{t.peopleText}</p>
      </div>
      <LinkButton look="secondary" href="/security/people">
        {t.manage}
      </LinkButton>
    </section>
  );
}

export function PeoplePage() {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/people', { signal }));
  const [asked, setAsked] = useState<Asked>();
  const [invitation, setInvitation] = useState<Invitation>();
  const [erasing, setErasing] = useState<{ person: string; done: number; files: number }>();
  useLive((event) => {
    if (event.type !== 'erasure') return;
    setErasing(event.ended ? undefined : event);
    if (event.ended) void again();
  });
  const inviting = useDoing(async (person: Housemate) => {
    const made = await confirmFirst(() => ask('POST /api/people/:id/invitation', { params: { id: person.id } }));
    setInvitation({ person: person.name, ...made.invitation });
    await again();
  });
  const close = () => setAsked(undefined);
  const done = () => {
    close();
    void again();
  };
  return (
    <Page
      title={t.peopleTitle}
      back={{ href: '/security', label: t.title }}
      aside={
        <Button icon={UserPlus} onClick={() => setAsked({ what: 'add' })}>
          {t.addPerson}
        </Button>
      }
    >
      <div class="card">
        <RefusalNote refusal={inviting.refusal} />
        {answer === undefined && refusal === undefined && <Skeleton height="12rem" />}
        {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
        <ul class="rows">
          {answer?.people.map((person) => (
            <li key={person.id} class="security-line">
              <Avatar name={person.name} />
              <div class="security-words">
                <p class="strong">{person.name}</p>
                <p class="cap">
                  {erasing?.person === person.id ? t.deleting(erasing.done, erasing.files) : wordsOf(person)}
                </p>
              </div>
              <PersonActions person={person} onAsk={setAsked} onInvite={() => void inviting.run(person)} />
              {person.removedAt === null && <PersonUse person={person} />}
            </li>
          ))}
        </ul>
      </div>
      {asked?.what === 'add' && (
        <NameDialog
          title={t.addPerson}
          text={t.addPersonText}
          action={t.add}
          onSave={async (name) => {
            const made = await confirmFirst(() => ask('POST /api/people', { body: { person: name } }));
            done();
            setInvitation({ person: made.person.name, ...made.invitation });
          }}
          onClose={close}
        />
      )}
      {asked?.what === 'rename' && (
        <NameDialog
          title={t.renameTitle(asked.person.name)}
          name={asked.person.name}
          onSave={async (name) => {
            const given = { params: { id: asked.person.id }, body: { name } };
            await confirmFirst(() => ask('PATCH /api/people/:id', given));
            done();
          }}
          onClose={close}
        />
      )}
      {asked?.what === 'unlock' && (
        <TypedConfirmation
          open
          title={t.unlockTitle(asked.person.name)}
          text={t.unlockText(asked.person.name)}
          expected={asked.person.name}
          action={t.unlock}
          onConfirm={async () => {
            const given = { params: { id: asked.person.id } };
            const { validFrom } = await confirmFirst(() => ask('DELETE /api/people/:id/second-factor', given));
            say(t.unlockedAt(asked.person.name, moment(validFrom, boxNow())));
            done();
          }}
          onClose={close}
        />
      )}
      {asked?.what === 'remove' && (
        <TypedConfirmation
          open
          title={t.removePersonTitle(asked.person.name)}
          text={t.removePersonText(asked.person.name)}
          expected={asked.person.name}
          action={t.removePersonTitle(asked.person.name).replace('?', '')}
          onConfirm={async () => {
            await confirmFirst(() => ask('DELETE /api/people/:id', { params: { id: asked.person.id } }));
            done();
          }}
          onClose={close}
        />
      )}
      {asked?.what === 'erase' && (
        <TypedConfirmation
          open
          title={t.deleteDataTitle(asked.person.name)}
          text={t.deleteDataText}
          expected={asked.person.name}
          action={t.deleteData}
          onConfirm={async (typed) => {
            const given = { params: { id: asked.person.id }, body: { typed } };
            await confirmFirst(() => ask('POST /api/people/:id/delete-data', given));
            done();
          }}
          onClose={close}
        />
      )}
      {invitation !== undefined && <InvitationDialog {...invitation} onClose={() => setInvitation(undefined)} />}
    </Page>
  );
}

type ActionsProps = Readonly<{ person: Housemate; onAsk: (asked: Asked) => void; onInvite: () => void }>;

function PersonActions({ person, onAsk, onInvite }: ActionsProps) {
  if (person.erasedAt !== null) return null;
  if (person.removedAt !== null) {
    return (
      <Button look="warn" onClick={() => onAsk({ what: 'erase', person })}>
        {t.deleteData}
      </Button>
    );
  }
  return (
    <>
      {!person.canSignIn && (
        <Button look="quiet" onClick={onInvite}>
          {t.invite}
        </Button>
      )}
      <IconButton of={Pencil} label={t.renameTitle(person.name)} onClick={() => onAsk({ what: 'rename', person })} />
      {person.role === 'member' && person.secondFactor && (
        <IconButton
          of={LockOpen}
          label={t.unlockTitle(person.name)}
          onClick={() => onAsk({ what: 'unlock', person })}
        />
      )}
      {person.role === 'member' && (
        <IconButton
          of={Trash2}
          label={t.removePersonTitle(person.name)}
          onClick={() => onAsk({ what: 'remove', person })}
        />
      )}
    </>
  );
}

function wordsOf(person: Housemate): string {
  const when = (ms: number) => moment(ms, boxNow());
  if (person.erasedAt !== null) return t.erased(when(person.erasedAt));
  if (person.removedAt !== null) return t.removed(when(person.removedAt));
  if (person.role === 'owner') return t.owner;
  if (!person.canSignIn) {
    const valid = person.invitedUntil !== null && person.invitedUntil > boxNow();
    return valid ? t.invited(when(person.invitedUntil ?? 0)) : t.notInvited;
  }
  return person.secondFactor ? t.memberLock : t.memberNoLock;
}

function InvitationDialog({ person, link, expiresAt, onClose }: Invitation & Readonly<{ onClose: () => void }>) {
  const copy = async () => {
    await navigator.clipboard.writeText(link);
    say(common.copied);
  };
  return (
    <Dialog title={t.invitationTitle(person)} open onClose={onClose}>
      <p class="second">{t.invitationText(moment(expiresAt, boxNow()))}</p>
      <p class="mono">{link}</p>
      <div class="buttons">
        <Button icon={Copy} onClick={() => void copy()}>
          {t.copyLink}
        </Button>
        <Button look="secondary" onClick={onClose}>
          {common.close}
        </Button>
      </div>
    </Dialog>
  );
}
