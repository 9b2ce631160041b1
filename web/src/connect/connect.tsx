/**
 * Owns how a backup app is connected to a phone: the page that an app opens to be let in, and a page with the right
 * settings for each kind of app. By the phone's own credential or its person's session; a password is shown once, and no
 * sign-in of an app is ever in an address that a server sees.
 */
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { takeKeptLogin } from '../ask/kept-login.ts';
import { type GuideName, guides } from '../text/en/connect-guides.ts';
import { Apps } from './apps.tsx';
import { GuidePage } from './guide.tsx';
import { LetIn } from './let-in.tsx';
import './connect.css';

/** `/connect#TOKEN`: an app asks. `/connect/apps`: which app; `/connect/APP`: how. */
export function Connect() {
  const { path } = useLocation();
  const app = path.split('/')[2] ?? '';
  if (app === '') return <Asked />;
  return app in guides ? <GuidePage key={app} name={app as GuideName} /> : <Apps />;
}

function Asked() {
  const { route } = useLocation();
  const [login, setLogin] = useState(loginHere);
  useEffect(() => {
    const look = () => setLogin(loginHere());
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  useEffect(() => {
    if (login === '') route('/connect/apps', true);
  }, [login, route]);
  return login === '' ? null : <LetIn key={login} login={login} />;
}

/** From the address, or as it was kept while its person signed in; then it is in the address again, for a reload. */
function loginHere(): string {
  const kept = takeKeptLogin();
  if (location.hash.length < 2 && kept !== null) history.replaceState(null, '', `/connect#${kept}`);
  return location.hash.slice(1);
}
