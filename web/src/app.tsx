/**
 * The routes, and who may see them: what is public, what waits for a sign-in, where somebody without one is sent. Each
 * room is loaded when it is first gone to.
 */
import { TriangleAlert } from 'lucide';
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso';
import { ask } from './ask/ask.ts';
import { isPhone, whenPhoneChanges } from './ask/phone-mark.ts';
import { SessionProvider, type SessionState, usePerson, useSession } from './ask/session.tsx';
import { isInstalled } from './ask/system.ts';
import { Shell } from './shell/shell.tsx';
import { common } from './text/en/common.ts';
import { Button, LinkButton } from './ui/button.tsx';
import { ConfirmHost } from './ui/confirm-first.tsx';
import { Page } from './ui/page.tsx';
import { EmptyState } from './ui/parts.tsx';
import { ToastHost } from './ui/toast.tsx';

const Home = lazy(() => import('./home/home.tsx').then((room) => room.Home));
const Photos = lazy(() => import('./photos/photos.tsx').then((room) => room.Photos));
const Trash = lazy(() => import('./photos/trash.tsx').then((room) => room.Trash));
const Phones = lazy(() => import('./phones/phones.tsx').then((room) => room.Phones));
const PairAPhone = lazy(() => import('./phones/pair-a-phone.tsx').then((room) => room.PairAPhone));
const PhoneDetails = lazy(() => import('./phones/phone-details.tsx').then((room) => room.PhoneDetails));
const NightsPage = lazy(() => import('./nights/nights.tsx').then((room) => room.Nights));
const NightReport = lazy(() => import('./nights/report.tsx').then((room) => room.NightReport));
const AlertsPage = lazy(() => import('./nights/alerts.tsx').then((room) => room.AlertsPage));
const Originals = lazy(() => import('./nights/originals.tsx').then((room) => room.Originals));
const PhoneFix = lazy(() => import('./nights/fix.tsx').then((room) => room.PhoneFix));
const Disks = lazy(() => import('./disks/disks.tsx').then((room) => room.Disks));
const DiskPage = lazy(() => import('./disks/disk-page.tsx').then((room) => room.DiskPage));
const MirrorsPage = lazy(() => import('./copies/mirrors.tsx').then((room) => room.Mirrors));
const ReplacePage = lazy(() => import('./copies/replace.tsx').then((room) => room.Replace));
const ImportPage = lazy(() => import('./copies/import.tsx').then((room) => room.ImportPage));
const ExportPage = lazy(() => import('./copies/export.tsx').then((room) => room.ExportPage));
const SecurityRoom = lazy(() => import('./security/security.tsx').then((room) => room.Security));
const SettingsRoom = lazy(() => import('./settings/settings.tsx').then((room) => room.Settings));
const NetworkPage = lazy(() => import('./device/network.tsx').then((room) => room.NetworkPage));
const MachinePage = lazy(() => import('./device/machine.tsx').then((room) => room.MachinePage));
const RemoteShellPage = lazy(() => import('./device/remote-shell.tsx').then((room) => room.RemoteShellPage));
const UpdatesPage = lazy(() => import('./updates/updates.tsx').then((room) => room.UpdatesPage));
const OffboxPage = lazy(() => import('./offbox/offbox.tsx').then((room) => room.OffboxPage));
const SharePage = lazy(() => import('./share/share.tsx').then((room) => room.SharePage));
const ThisPhone = lazy(() => import('./this-phone/this-phone.tsx').then((room) => room.ThisPhone));
const Pair = lazy(() => import('./pair/pair.tsx').then((room) => room.Pair));
const Connect = lazy(() => import('./connect/connect.tsx').then((room) => room.Connect));
const Setup = lazy(() => import('./setup/setup.tsx').then((room) => room.Setup));
const SignIn = lazy(() => import('./sign-in/sign-in.tsx').then((room) => room.SignIn));
const Join = lazy(() => import('./sign-in/join.tsx').then((room) => room.Join));

/** Pages for whoever opens them; a phone's own have its phone's credential, not a session. */
const openPages = ['/setup', '/sign-in', '/pair', '/join', '/this-phone', '/connect'];
const silentRetryMs = 3_000;

export function App() {
  return (
    <ErrorBoundary>
      <LocationProvider>
        <SessionProvider>
          <p id="said" class="only-read" aria-live="polite" />
          <p id="said-now" class="only-read" aria-live="assertive" />
          <Pages />
          <ToastHost />
          <ConfirmHost />
          <PhoneApprovals />
        </SessionProvider>
      </LocationProvider>
    </ErrorBoundary>
  );
}

function Pages() {
  const { path, url, route } = useLocation();
  const { state, look } = useSession();
  const open = openPages.some((page) => path === page || path.startsWith(`${page}/`));
  const signedIn = state.is === 'there' && state.current.stage === 'open';
  useEffect(() => {
    if (open) return;
    void whereInstead(state, url).then((instead) => {
      if (instead !== undefined) route(instead, true);
    });
  }, [open, state, url, route]);
  if (open) {
    const onOwnPhone = path.startsWith('/this-phone') || path.startsWith('/connect/');
    // Not shown without the rail first, to jump into it a moment later.
    if (onOwnPhone && state.is === 'unknown') return null;
    return signedIn && onOwnPhone ? <Shell>{openRoutes}</Shell> : openRoutes;
  }
  if (state.is === 'silent') return <Silent again={() => void look()} />;
  return signedIn ? <Shell>{signedInRoutes}</Shell> : null;
}

/** A browser that is a phone may be asked to approve a sign-in, whatever page it shows. Nobody else loads what that takes. */
function PhoneApprovals() {
  const [Sheet, setSheet] = useState<FunctionComponent>();
  useEffect(() => {
    const look = () => {
      if (isPhone()) void import('./this-phone/approvals.tsx').then(({ Approvals }) => setSheet(() => Approvals));
    };
    look();
    return whenPhoneChanges(look);
  }, []);
  return Sheet === undefined ? null : <Sheet />;
}

/** Where somebody who may not see this page goes first; afterwards they are brought back. */
async function whereInstead(state: SessionState, url: string): Promise<string | undefined> {
  if (state.is === 'unknown' || state.is === 'silent') return undefined;
  if (state.is === 'there' && state.current.stage === 'open') return undefined;
  if (state.is === 'none') {
    // Where the box does not answer, the sign-in says so, and asks again.
    const { claimed } = await ask('GET /api/setup').catch(() => ({ claimed: true }));
    if (!claimed) return '/setup';
    // Opened from the home screen: an app that is no phone yet is there to become one, on iOS with nothing but a code.
    if (url === '/' && isInstalled()) return isPhone() ? '/this-phone' : '/pair';
  }
  return url === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(url)}`;
}

const openRoutes = (
  <Router>
    <Route path="/setup" component={Setup} />
    <Route path="/sign-in" component={SignIn} />
    <Route path="/pair" component={Pair} />
    <Route path="/join" component={Join} />
    <Route path="/this-phone" component={ThisPhone} />
    <Route path="/this-phone/*" component={ThisPhone} />
    <Route path="/connect" component={Connect} />
    <Route path="/connect/*" component={Connect} />
    <Route default component={NotFound} />
  </Router>
);

const signedInRoutes = (
  <Router>
    <Route path="/" component={Home} />
    <Route path="/photos" component={Photos} />
    <Route path="/photos/trash" component={Trash} />
    <Route path="/photos/:id" component={Photos} />
    <Route path="/phones" component={Phones} />
    <Route path="/phones/pair" component={PairAPhone} />
    <Route path="/phones/:id" component={PhoneDetails} />
    <Route path="/phones/:id/fix" component={PhoneFix} />
    <Route path="/nights" component={NightsPage} />
    <Route path="/nights/:night" component={NightReport} />
    <Route path="/alerts" component={AlertsPage} />
    <Route path="/originals" component={Originals} />
    <Route path="/disks" component={ofOwner(Disks)} />
    <Route path="/disks/mirrors" component={ofOwner(MirrorsPage)} />
    <Route path="/disks/replace" component={ofOwner(ReplacePage)} />
    <Route path="/disks/:id" component={ofOwner(DiskPage)} />
    <Route path="/import" component={ImportPage} />
    <Route path="/export" component={ExportPage} />
    <Route path="/security" component={SecurityRoom} />
    <Route path="/security/*" component={SecurityRoom} />
    <Route path="/settings" component={SettingsRoom} />
    <Route path="/settings/network" component={ofOwner(NetworkPage)} />
    <Route path="/settings/machine" component={ofOwner(MachinePage)} />
    <Route path="/settings/remote-shell" component={ofOwner(RemoteShellPage)} />
    <Route path="/settings/updates" component={ofOwner(UpdatesPage)} />
    <Route path="/share" component={SharePage} />
    <Route path="/offbox" component={OffboxPage} />
    <Route default component={NotFound} />
  </Router>
);

/** A page that is the owner's alone; a link to it may come to anybody. */
function ofOwner(Owners: FunctionComponent): FunctionComponent {
  return () =>
    usePerson().role === 'owner' ? (
      <Owners />
    ) : (
      <Page title={common.ownersTitle}>
        <p class="measure">{common.ownersText}</p>
        <p>
          <LinkButton href="/">{common.toHome}</LinkButton>
        </p>
      </Page>
    );
}

function NotFound() {
  return (
    <Page title={common.notFoundTitle}>
      <p class="measure">{common.notFoundText}</p>
      <p>
        <LinkButton href="/">{common.toHome}</LinkButton>
      </p>
    </Page>
  );
}

function Silent({ again }: { again: () => void }) {
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setTries(tries + 1);
      again();
    }, silentRetryMs);
    return () => window.clearTimeout(timer);
  }, [tries, again]);
  return (
    <main id="main">
      <EmptyState
        icon={TriangleAlert}
        title={common.silentTitle}
        action={
          <Button look="secondary" onClick={again}>
            {common.again}
          </Button>
        }
      >
        {common.silentText}
      </EmptyState>
    </main>
  );
}
