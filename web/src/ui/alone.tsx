import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import { useSession } from '../ask/session.tsx';
import { common } from '../text/en/common.ts';
import './alone.css';
import { Mark } from './mark.tsx';
import { Page } from './page.tsx';

/** A page that a phone has without a session: inside the app for somebody who is signed in, else by itself. */
export function Alone({ title, back, wide = false, children }: AloneProps) {
  const { state } = useSession();
  const { url } = useLocation();
  const page = (
    <Page title={title} {...(back === undefined ? {} : { back })}>
      {children}
    </Page>
  );
  const looks = wide ? 'alone-page wide' : 'alone-page';
  if (state.is === 'there' && state.current.stage === 'open') return <div class={looks}>{page}</div>;
  return (
    <div class={wide ? 'alone wide' : 'alone'}>
      <header class="alone-top">
        <a class="brand" href="/this-phone">
          <Mark />
          <span>{common.product}</span>
        </a>
        <a class="button quiet" href={`/sign-in?to=${encodeURIComponent(url)}`}>
          {common.signIn}
        </a>
      </header>
      <main id="main" class={looks}>
        {page}
      </main>
    </div>
  );
}
type AloneProps = Readonly<{
  title: string;
  back?: Readonly<{ href: string; label: string }>;
  /** For what stands in columns on a desktop. */
  wide?: boolean;
  children: ComponentChildren;
}>;
