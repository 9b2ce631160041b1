/** Owns the page about the box itself: its name, its time, its certificates. Members see it and change nothing. */
import { Moon, Sun, SunMoon } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, Refusal, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { currentTheme, setTheme, type Theme } from '../ask/theme.ts';
import { useAsk } from '../ask/use-ask.ts';
import { channels as c } from '../text/en/channels.ts';
import { common } from '../text/en/common.ts';
import { offbox as o } from '../text/en/offbox.ts';
import { settings as t } from '../text/en/settings.ts';
import { share as s } from '../text/en/share.ts';
import { day } from '../text/format.ts';
import { ChannelCards } from '../ui/channels.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import type { Channels } from '../ui/where-to.tsx';
import type { Box } from './box.ts';
import { DeviceCard } from './device-card.tsx';
import { NameCard } from './name.tsx';
import { NightsCard } from './nights.tsx';
import { OriginalsCard, type Verification } from './originals.tsx';
import './settings.css';
import { TimeCard } from './time.tsx';

export function Settings() {
  const owner = usePerson().role === 'owner';
  const { answer, refusal, again, put } = useAsk((signal) => lookAt(owner, signal), [owner]);
  return (
    <Page title={t.title}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      <div class="settings-columns">
        {answer === undefined ? (
          <>
            <Skeleton height="15rem" />
            <Skeleton height="26rem" />
          </>
        ) : (
          <>
            <div class="stack" style={{ '--gap': 'var(--s5)' }}>
              {owner && <NameCard box={answer.box} onChange={(box) => put({ ...answer, box })} />}
              <TimeCard box={answer.box} owner={owner} onChange={(box) => put({ ...answer, box })} />
              {owner && <NightsCard plan={answer.plan} onChange={(plan) => put({ ...answer, plan })} />}
              {answer.verification !== null && <OriginalsCard verification={answer.verification} />}
              {owner && <DeviceCard appliance={answer.box.appliance} />}
            </div>
            <div class="stack" style={{ '--gap': 'var(--s5)' }}>
              {answer.channels !== null && (
                <section class="stack settings-channels" aria-labelledby="channels">
                  <div>
                    <h2 class="head" id="channels">
                      {c.title}
                    </h2>
                    <p class="cap">{c.text}</p>
                  </div>
                  <ChannelCards channels={answer.channels} onChange={(channels) => put({ ...answer, channels })} />
                </section>
              )}
              <CertificatesCard box={answer.box} />
              <ShareCard />
              {owner && <OffboxCard />}
              <LookCard />
              <AboutCard box={answer.box} />
            </div>
          </>
        )}
      </div>
    </Page>
  );
}

type Seen = Readonly<{
  box: Box;
  plan: ReplyOf<'GET /api/nights'>;
  channels: Channels | null;
  /** Null: the disk is away, or it is not theirs to see. */
  verification: Verification | null;
}>;

/** All that the page shows, at once: nothing moves as it comes. */
async function lookAt(owner: boolean, signal: AbortSignal): Promise<Seen> {
  const [box, plan, channels, verification] = await Promise.all([
    ask('GET /api/box', { signal }),
    ask('GET /api/nights', { signal }),
    owner ? ask('GET /api/channels', { signal }) : null,
    owner ? ask('GET /api/verification', { query: { limit: 1 }, signal }).catch(nullIfRefused) : null,
  ]);
  return { box, plan, channels, verification };
}

/** The other cards are of use without this one. */
function nullIfRefused(error: unknown): null {
  if (error instanceof Refusal && error.status > 0) return null;
  throw error;
}

function CertificatesCard({ box }: { box: Box }) {
  const { certificate } = box;
  const until = (ms: number) => day(ms, 0, undefined);
  return (
    <section class="card stack" aria-labelledby="certificates">
      <div>
        <h2 class="head" id="certificates">
          {t.certificates}
        </h2>
        <p class="cap">{t.certificatesText}</p>
      </div>
      <dl class="settings-facts">
        <Fact name={t.fingerprint}>
          <span class="mono">{box.fingerprint.replace(/(.{4})(?=.)/g, '$1 ')}</span>
        </Fact>
        <Fact name={t.names}>
          {box.addresses.map((address) => (
            <span key={address} class="mono" style={{ display: 'block' }}>
              {address}
            </span>
          ))}
        </Fact>
        {certificate !== null && (
          <>
            <Fact name={t.nameUntil}>{until(certificate.nameValidUntil)}</Fact>
            <Fact name={t.addressUntil}>{until(certificate.addressValidUntil)}</Fact>
            {certificate.owners !== null && (
              <Fact name={t.owners}>
                {t.ownersUntil(certificate.owners.names.join(', '), until(certificate.owners.validUntil))}
              </Fact>
            )}
          </>
        )}
      </dl>
      <p>
        <a href={`http://${location.hostname}:${box.httpPort}/`} target="_self">
          {t.trust}
        </a>
      </p>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt class="cap">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How it stands is told there: on the way here nobody waits for it. */
function OffboxCard() {
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="offbox">
      <div>
        <h2 class="head" id="offbox">
          {o.card}
        </h2>
        <p class="cap">{o.cardText}</p>
      </div>
      <p>
        <a href="/offbox">{o.toPage}</a>
      </p>
    </section>
  );
}

function ShareCard() {
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="share">
      <div>
        <h2 class="head" id="share">
          {s.card}
        </h2>
        <p class="cap">{s.cardText}</p>
      </div>
      <p>
        <a href="/share">{s.toPage}</a>
      </p>
    </section>
  );
}

const looks: readonly Readonly<{ theme: Theme; label: string; icon: IconNode }>[] = [
  { theme: 'system', label: common.themeSystem, icon: SunMoon },
  { theme: 'light', label: common.themeLight, icon: Sun },
  { theme: 'dark', label: common.themeDark, icon: Moon },
];

function LookCard() {
  const [theme, change] = useState(currentTheme);
  return (
    <section class="card stack" aria-labelledby="look">
      <div>
        <h2 class="head" id="look">
          {t.look}
        </h2>
        <p class="cap">{t.lookText}</p>
      </div>
      <fieldset class="settings-look" aria-labelledby="look">
        {looks.map((one) => (
          <label key={one.theme}>
            <input
              type="radio"
              name="look"
              checked={theme === one.theme}
              onChange={() => {
                setTheme(one.theme);
                change(one.theme);
              }}
            />
            <Icon of={one.icon} />
            {one.label}
          </label>
        ))}
      </fieldset>
    </section>
  );
}

function AboutCard({ box }: { box: Box }) {
  return (
    <section class="card stack" aria-labelledby="about">
      <h2 class="head" id="about">
        {t.about}
      </h2>
      <dl class="settings-facts">
        <Fact name={t.version}>{box.version}</Fact>
      </dl>
      <p>
        <a href="/install" target="_self">
          {t.client}
        </a>
      </p>
    </section>
  );
}
