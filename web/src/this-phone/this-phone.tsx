/**
 * Owns what this browser does as a phone: sending photos by hand, getting them back, codes, its key, moving on to a new
 * phone. Asks the box by the phone's own credential; only what changes the person's second lock needs their session.
 */
import { lazy, useLocation } from 'preact-iso';
import { canKeepKeys } from '../ask/own-phone.ts';
import { useOwnPhone } from '../ask/use-own-phone.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { Skeleton } from '../ui/parts.tsx';
import { Codes } from './codes.tsx';
import { Frame } from './frame.tsx';
import { Move } from './move.tsx';
import { NotPaired } from './not-paired.tsx';
import { Overview } from './overview.tsx';
import { Register } from './register.tsx';
import './this-phone.css';

// tus, and what cuts a restore into rounds, are for those who use them.
const Backup = lazy(() => import('./backup.tsx').then((page) => page.Backup));
const Restore = lazy(() => import('./restore.tsx').then((page) => page.Restore));
const Room = lazy(() => import('./room.tsx').then((page) => page.Room));

export function ThisPhone() {
  const { path } = useLocation();
  const phone = useOwnPhone();
  const page = path.split('/')[2] ?? '';
  if (!canKeepKeys()) return <NotPaired text={thisPhone.insecureText} />;
  if (page === 'register') return <Register phone={phone ?? undefined} />;
  if (page === 'codes') return <Codes phone={phone ?? undefined} />;
  if (phone === undefined) {
    return (
      <Frame title={thisPhone.title}>
        <Skeleton height="20rem" />
      </Frame>
    );
  }
  if (phone === null) return <NotPaired />;
  switch (page) {
    case 'backup':
      return <Backup phone={phone} />;
    case 'restore':
      return <Restore phone={phone} />;
    case 'room':
      return <Room phone={phone} />;
    case 'move':
      return <Move phone={phone} />;
    default:
      return <Overview phone={phone} />;
  }
}
