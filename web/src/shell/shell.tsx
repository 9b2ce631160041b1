/**
 * Owns what stands around every page of somebody who is signed in: the ways between rooms, the person, the banner of a
 * box that does not answer. Never asks for a page's own things. Only the app uses it.
 */
import { HardDrive, House, Images, LogOut, Menu, Moon, Settings, ShieldCheck, Smartphone, Sun, SunMoon } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { boxNow } from '../ask/ask.ts';
import { useAway } from '../ask/live.ts';
import { type NeedsBadge, useNeeds } from '../ask/needs.ts';
import { usePerson, useSession } from '../ask/session.tsx';
import { common } from '../text/en/common.ts';
import { clock } from '../text/format.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { Mark } from '../ui/mark.tsx';
import { Avatar } from '../ui/parts.tsx';
import './shell.css';
import { currentTheme, setTheme, type Theme } from '../ask/theme.ts';

type Way = Readonly<{
  href: string;
  label: string;
  icon: IconNode;
  wideOnly?: boolean;
  narrowOnly?: boolean;
  ownerOnly?: boolean;
}>;
const ways: readonly Way[] = [
  { href: '/', label: common.home, icon: House },
  { href: '/photos', label: common.photos, icon: Images },
  { href: '/this-phone', label: common.thisPhone, icon: Smartphone, narrowOnly: true },
  { href: '/phones', label: common.phones, icon: Smartphone, wideOnly: true },
  { href: '/disks', label: common.disks, icon: HardDrive, wideOnly: true, ownerOnly: true },
  { href: '/security', label: common.security, icon: ShieldCheck, wideOnly: true },
  { href: '/settings', label: common.settings, icon: Settings, wideOnly: true },
];

function waysOf({ role }: { role: string }): readonly Way[] {
  return ways.filter(({ ownerOnly }) => ownerOnly !== true || role === 'owner');
}

function isHere(path: string, href: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  const person = usePerson();
  const needs = useNeeds();
  const [menu, setMenu] = useState(false);
  useEffect(() => setMenu(false), [path]);
  return (
    <div class="shell">
      <a class="skip button" href="#main">
        {common.skip}
      </a>
      <Stale />
      <header class="top">
        <Brand />
        <button type="button" class="button icon" aria-label={person.name} onClick={() => setMenu(true)}>
          <Avatar name={person.name} />
        </button>
      </header>
      <nav class="rail" aria-label={common.rooms}>
        <Brand />
        <ul>
          {waysOf(person).map((way) => (
            <li key={way.href} class={way.wideOnly ? 'wide-only' : way.narrowOnly ? 'narrow-only' : undefined}>
              <Tab way={way} here={isHere(path, way.href)} badge={way.href === '/' ? needs : undefined} />
            </li>
          ))}
          <li class="narrow-only">
            <button type="button" class="tab" aria-haspopup="dialog" onClick={() => setMenu(true)}>
              <Icon of={Menu} size={24} />
              {common.more}
            </button>
          </li>
        </ul>
        <button type="button" class="tab person" aria-haspopup="dialog" onClick={() => setMenu(true)}>
          <Avatar name={person.name} />
          <span class="person-name">
            {person.name}
            <span class="cap wide-only">{person.role === 'owner' ? common.owner : common.member}</span>
          </span>
        </button>
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <PersonMenu open={menu} onClose={() => setMenu(false)} />
    </div>
  );
}

function Brand() {
  return (
    <a class="brand" href="/">
      <Mark />
      <span>{common.product}</span>
    </a>
  );
}

function Tab({ way, here, badge }: { way: Way; here: boolean; badge: NeedsBadge | undefined }) {
  return (
    <a class="tab" href={way.href} aria-current={here ? 'page' : undefined}>
      <Icon of={way.icon} size={24} />
      {way.label}
      {badge !== undefined && (
        <>
          <span class={`badge ${badge.worst}`} aria-hidden="true" />
          <span class="only-read">{badge.text}</span>
        </>
      )}
    </a>
  );
}

const themes: readonly Readonly<{ theme: Theme; label: string; icon: IconNode }>[] = [
  { theme: 'system', label: common.themeSystem, icon: SunMoon },
  { theme: 'light', label: common.themeLight, icon: Sun },
  { theme: 'dark', label: common.themeDark, icon: Moon },
];

function PersonMenu({ open, onClose }: { open: boolean; onClose: () => void }) {
  const person = usePerson();
  const { signOut } = useSession();
  const [theme, change] = useState(currentTheme);
  const choose = (next: Theme) => {
    setTheme(next);
    change(next);
  };
  return (
    <Dialog title={person.name} open={open} onClose={onClose}>
      <nav class="menu-rows narrow-only" aria-label={common.more}>
        {waysOf(person)
          .filter(({ wideOnly }) => wideOnly)
          .map((way) => (
            <a key={way.href} href={way.href}>
              <Icon of={way.icon} size={24} />
              {way.label}
            </a>
          ))}
      </nav>
      <fieldset class="menu-rows">
        <legend class="cap">{common.theme}</legend>
        {themes.map((one) => (
          <label key={one.theme}>
            <input type="radio" name="theme" checked={theme === one.theme} onChange={() => choose(one.theme)} />
            <Icon of={one.icon} />
            {one.label}
          </label>
        ))}
      </fieldset>
      <div class="menu-rows">
        <button type="button" onClick={() => void signOut()}>
          <Icon of={LogOut} size={24} />
          {common.signOut}
        </button>
      </div>
    </Dialog>
  );
}

/** Over the page, not in it: nothing moves when it comes and goes. */
function Stale() {
  const away = useAway();
  const [since, setSince] = useState(0);
  useEffect(() => {
    if (away) setSince(boxNow());
  }, [away]);
  return <div role="status">{away && <p class="stale">{common.awayBanner(clock(since))}</p>}</div>;
}
