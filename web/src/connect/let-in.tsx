import { Check, Plug } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { asConnector, type Connector } from '../ask/connector.ts';
import { keepLogin } from '../ask/kept-login.ts';
import { asRefusal, useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { connect as t } from '../text/en/connect.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { SelectField } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { Narrow } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { useConnectors } from './use-connectors.ts';

type Look = ReplyOf<'POST /api/connections/login/look'>;

/** `login`: from the address that the app opened. */
export function LetIn({ login }: { login: string }) {
  const who = useConnectors();
  if (who.is === 'asking') return <Asking />;
  if (who.is === 'silent') {
    return (
      <Narrow title={common.silentTitle}>
        <p class="second">{common.silentText}</p>
      </Narrow>
    );
  }
  if (who.is === 'none') return <Stranger login={login} />;
  if (who.connectors.length === 0) {
    return (
      <Narrow title={t.noPhoneTitle}>
        <p class="second">{t.noPhoneText}</p>
        <div class="stack connect-foot">
          <LinkButton href="/phones/pair" wide>
            {t.pairPhone}
          </LinkButton>
          <KeptLink login={login} href="/pair" look="quiet">
            {t.haveCode}
          </KeptLink>
        </div>
      </Narrow>
    );
  }
  return <Decide login={login} person={who.person} connectors={who.connectors} />;
}

function Asking() {
  return (
    <Narrow title={t.askingTitle}>
      <Skeleton height="16rem" />
    </Narrow>
  );
}

/** Neither a phone nor anybody who is signed in: most often the app's own window. */
function Stranger({ login }: { login: string }) {
  return (
    <Narrow title={t.waitsTitle}>
      <p class="second">{t.waitsText}</p>
      <p class="card cap connect-quicker">{t.waitsQuicker}</p>
      <div class="stack connect-foot">
        <KeptLink login={login} href="/sign-in?to=%2Fconnect" look="primary">
          {t.signIn}
        </KeptLink>
        <KeptLink login={login} href="/pair" look="quiet">
          {t.haveCode}
        </KeptLink>
      </div>
    </Narrow>
  );
}

/** To where its person shows who they are, and back: the sign-in of the app waits in this tab meanwhile. */
function KeptLink({ login, href, look, children }: KeptProps) {
  return (
    <a class={look === 'primary' ? 'button wide' : 'button quiet wide'} href={href} onClick={() => keepLogin(login)}>
      {children}
    </a>
  );
}
type KeptProps = Readonly<{
  login: string;
  href: string;
  look: 'primary' | 'quiet';
  children: ComponentChildren;
}>;

type Outcome = 'in' | 'refused' | 'over';

function Decide({ login, person, connectors }: DecideProps) {
  const [chosen, setChosen] = useState(connectors[0]?.phone);
  const [outcome, setOutcome] = useState<Outcome>();
  const connector = connectors.find(({ phone }) => phone === chosen) ?? connectors[0];
  const by = connector === undefined ? {} : asConnector(connector);
  const { answer, refusal, again } = useAsk(
    (signal) => ask('POST /api/connections/login/look', { body: { login }, ...by, signal }),
    [login, by.token],
  );
  const ends = (end: Outcome) => async (asked: Promise<unknown>) => {
    try {
      await asked;
      setOutcome(end);
    } catch (error) {
      if (asRefusal(error).status !== 404) throw error;
      setOutcome('over');
    }
  };
  const letting = useDoing(async () => {
    await ends('in')(ask('POST /api/connections/login', { body: { login, phone: connector?.phone ?? '' }, ...by }));
  });
  const refusing = useDoing(async () => {
    await ends('refused')(ask('POST /api/connections/login/refuse', { body: { login }, ...by }));
  });
  if (outcome === 'in') return <In client={answer?.client ?? null} />;
  if (outcome === 'refused') return <Ended title={t.refusedTitle} text={t.refusedText} />;
  if (outcome === 'over' || refusal?.status === 404) return <Ended title={t.overTitle} text={t.overText} apps />;
  if (refusal !== undefined) {
    return (
      <Narrow title={t.failedTitle}>
        <CouldNotLoad refusal={refusal} again={() => void again()} />
      </Narrow>
    );
  }
  if (answer === undefined || connector === undefined) return <Asking />;
  return (
    <Narrow title={t.askTitle(person)}>
      <p class="second">{t.askText}</p>
      <Facts look={answer} />
      {connectors.length > 1 ? (
        <SelectField
          label={t.forPhone}
          value={connector.phone}
          options={connectors.map(({ phone, phoneName }) => ({ value: phone, label: phoneName }))}
          onChange={setChosen}
        />
      ) : null}
      <p class="second">{t.may}</p>
      <div class="stack connect-foot">
        <RefusalNote refusal={letting.refusal ?? refusing.refusal} />
        <Button busy={letting.busy} onClick={() => void letting.run()} wide>
          {t.letIn(connector.phoneName)}
        </Button>
        <Button look="warn" busy={refusing.busy} onClick={() => void refusing.run()} wide>
          {t.refuse}
        </Button>
      </div>
    </Narrow>
  );
}
type DecideProps = Readonly<{ login: string; person: string; connectors: readonly Connector[] }>;

function Facts({ look: { client, address, createdAt } }: { look: Look }) {
  return (
    <div class="card connect-asks">
      <span class="connect-sign" aria-hidden="true">
        <Icon of={Plug} size={28} />
      </span>
      <dl>
        <div>
          <dt class="only-read">{t.app}</dt>
          <dd class="head">{t.appName(client)}</dd>
        </div>
        <div class="connect-fact">
          <dt>{t.from}</dt>
          <dd class="num">{t.address(address)}</dd>
        </div>
        <div class="connect-fact">
          <dt>{t.begun}</dt>
          <dd class="num">{t.begunAt(createdAt, boxNow())}</dd>
        </div>
      </dl>
    </div>
  );
}

function In({ client }: { client: string | null }) {
  const app = /nextcloud-ios/i.test(client ?? '') ? 'nextcloud-ios' : 'nextcloud-android';
  return (
    <Narrow title={t.inTitle}>
      <div class="connect-done" aria-hidden="true">
        <Icon of={Check} size={40} />
      </div>
      <p class="second" role="status">
        {t.inText}
      </p>
      <div class="stack connect-foot">
        <LinkButton href={`/connect/${app}`} look="secondary" wide>
          {t.inSettings}
        </LinkButton>
      </div>
    </Narrow>
  );
}

function Ended({ title, text, apps = false }: { title: string; text: string; apps?: boolean }) {
  return (
    <Narrow title={title}>
      <p class="second" role="status">
        {text}
      </p>
      {apps && (
        <div class="stack connect-foot">
          <LinkButton href="/connect/apps" look="secondary" wide>
            {t.overToApps}
          </LinkButton>
        </div>
      )}
    </Narrow>
  );
}
