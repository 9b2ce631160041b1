import { useLocation } from 'preact-iso';
import { isPhone } from '../ask/phone-mark.ts';
import { connect as t } from '../text/en/connect.ts';
import { phones } from '../text/en/phones.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { LinkButton } from '../ui/button.tsx';

/** In place of what only a phone, or somebody who is signed in, can do. */
export function Strangers() {
  const { url } = useLocation();
  return (
    <section class="card stack">
      <h2 class="head">{t.whoTitle}</h2>
      <p class="second measure">{t.whoText}</p>
      <div class="buttons">
        <LinkButton href={`/sign-in?to=${encodeURIComponent(url)}`}>{t.signIn}</LinkButton>
        <LinkButton href="/pair" look="secondary">
          {t.haveCode}
        </LinkButton>
      </div>
    </section>
  );
}

/** Signed in, with no phone of their own. */
export function NoPhone() {
  return (
    <section class="card stack">
      <h2 class="head">{t.noPhoneTitle}</h2>
      <p class="second measure">{t.noPhoneText}</p>
      <div class="buttons">
        <LinkButton href="/phones/pair">{t.pairPhone}</LinkButton>
      </div>
    </section>
  );
}

/** Where somebody came from: this phone, or a phone’s own page. */
export function backTo(phone: string | undefined): { href: string; label: string } {
  if (phone !== undefined && !isPhone()) return { href: `/phones/${encodeURIComponent(phone)}`, label: phones.title };
  return isPhone() ? { href: '/this-phone', label: thisPhone.title } : { href: '/phones', label: phones.title };
}
