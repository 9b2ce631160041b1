/** Owns the pages about who can get in: one's own locks and sessions, and for the owner the rules, people and the log. */
import { ScrollText } from 'lucide';
import { useLocation } from 'preact-iso';
import { usePerson } from '../ask/session.tsx';
import { security as t } from '../text/en/security.ts';
import { LinkButton } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { AuditLog } from './audit-log.tsx';
import { useFactors } from './factors.ts';
import { MyData } from './my-data.tsx';
import { Notices } from './notices.tsx';
import { PasswordPage } from './password.tsx';
import { PeopleCard, PeoplePage } from './people.tsx';
import { RecoveryCodesCard } from './recovery-codes.tsx';
import { RecoveryKeyCard } from './recovery-key.tsx';
import { RulesCard } from './rules.tsx';
import { SecondLockCard } from './second-lock.tsx';
import './security.css';
import { SessionsCard } from './sessions.tsx';

export function Security() {
  const { path } = useLocation();
  const owner = usePerson().role === 'owner';
  if (path === '/security/password') return <PasswordPage />;
  if (owner && path === '/security/people') return <PeoplePage />;
  if (owner && path === '/security/log') return <AuditLog />;
  return <Overview owner={owner} />;
}

function Overview({ owner }: { owner: boolean }) {
  const factors = useFactors();
  const aside = owner ? (
    <LinkButton look="quiet" icon={ScrollText} href="/security/log">
      {t.log}
    </LinkButton>
  ) : undefined;
  const changed = () => void factors.again();
  return (
    <Page title={t.title} aside={aside}>
      <Notices />
      <div class="security-columns">
        <div>
          <SecondLockCard factors={factors.answer} refusal={factors.refusal} onChange={changed} />
          <SessionsCard />
        </div>
        <div>
          <section class="card security-card-head" aria-labelledby="password-card">
            <div>
              <h2 class="head" id="password-card">
                {t.password}
              </h2>
              <p class="cap">{t.passwordText}</p>
            </div>
            <LinkButton look="secondary" href="/security/password">
              {t.change}
            </LinkButton>
          </section>
          <RecoveryCodesCard factors={factors.answer} onChange={changed} />
          {owner && <RecoveryKeyCard />}
          {owner && <RulesCard />}
          {owner && <PeopleCard />}
          {!owner && <MyData />}
        </div>
      </div>
    </Page>
  );
}
