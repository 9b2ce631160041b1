import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { common } from '../text/en/common.ts';

/** Sets the document's title; a new page's title gets the focus, so that it is read out (not at the first load). */
let shownAt: string | undefined;
export function usePageTitle(title: string): { current: HTMLHeadingElement | null } {
  const place = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - ${common.product}`;
  }, [title]);
  useEffect(() => {
    const { pathname } = location;
    const gone = shownAt !== undefined && shownAt !== pathname;
    shownAt = pathname;
    if (gone && !(document.activeElement instanceof HTMLInputElement)) place.current?.focus({ preventScroll: true });
  }, []);
  return place;
}

/** An ordinary page: its title, what stands beside it, its content. */
export function Page({ title, aside, back, children }: PageProps) {
  const place = usePageTitle(title);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          {back !== undefined && (
            <a class="cap" href={back.href}>
              {back.label}
            </a>
          )}
          <h1 class="title" tabIndex={-1} ref={place}>
            {title}
          </h1>
        </div>
        {aside}
      </header>
      {children}
    </div>
  );
}
type PageProps = Readonly<{
  title: string;
  aside?: ComponentChildren;
  back?: Readonly<{ href: string; label: string }>;
  children: ComponentChildren;
}>;

/** A page of one thing, without the rail: sign-in, set-up, pairing. `sky`: over the dusk. */
export function Narrow({ title, step, children, sky = false }: NarrowProps) {
  const place = usePageTitle(title);
  return (
    <main class={sky ? 'narrow on-sky' : 'narrow'} id="main">
      <div class="narrow-in">
        {step}
        <h1 class="verdict" tabIndex={-1} ref={place}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  );
}
type NarrowProps = Readonly<{
  title: string;
  step?: ComponentChildren;
  children: ComponentChildren;
  sky?: boolean;
}>;

/** Says it once through the page's polite live region; `now`: it cannot wait. */
export function say(text: string, { now = false } = {}): void {
  const place = document.getElementById(now ? 'said-now' : 'said');
  if (place !== null) place.textContent = text;
}
