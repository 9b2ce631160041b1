import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import { useSession } from '../ask/session.tsx';
import { common } from '../text/en/common.ts';
import { thisPhone } from '../text/en/this-phone.ts';
import { Mark } from '../ui/mark.tsx';
import { Page } from '../ui/page.tsx';

/** A page of the phone's: inside the app for somebody who is signed in, else by itself. */
export function Frame({ title, back, children }: FrameProps) {
  const { state } = useSession();
  const { url } = useLocation();
  const page = (
    <Page title={title} {...(back === true ? { back: { href: '/this-phone', label: thisPhone.title } } : {})}>
      {children}
    </Page>
  );
  if (state.is === 'there' && state.current.stage === 'open') return <div class="phone-page">{page}</div>;
  return (
    <div class="phone-alone">
      <header class="phone-top">
        <a class="brand" href="/this-phone">
          <Mark />
          <span>{common.product}</span>
        </a>
        <a class="button quiet" href={`/sign-in?to=${encodeURIComponent(url)}`}>
          {thisPhone.signIn}
        </a>
      </header>
      <main id="main" class="phone-page">
        {page}
      </main>
    </div>
  );
}
type FrameProps = Readonly<{ title: string; back?: boolean; children: ComponentChildren }>;
