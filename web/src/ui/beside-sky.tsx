import type { ComponentChildren } from 'preact';
import { common } from '../text/en/common.ts';
import './beside-sky.css';
import { Mark } from './mark.tsx';

type BesideProps = Readonly<{
  /** What stands in the sky: a saying, or the rail of steps. */
  sky: ComponentChildren;
  /** The sky is a rail of steps: narrower, and all of it is shown on phones too. */
  rail?: boolean;
  children: ComponentChildren;
}>;

/** Sign-in and set-up: the dusk on one side (above it on phones), what is to be done on the other. */
export function BesideSky({ sky, rail = false, children }: BesideProps) {
  return (
    <div class={rail ? 'beside-sky rail-of-steps' : 'beside-sky'}>
      <header class="sky-side">
        <div class="sky-side-in">
          <span class="brand">
            <Mark onSky />
            <span>{common.product}</span>
          </span>
          {sky}
        </div>
      </header>
      <main class="sky-task" id="main">
        <div class="sky-task-in">{children}</div>
      </main>
    </div>
  );
}

/** Two lines at the foot of the sky; on phones there is no room for them, and nothing is lost. */
export function Saying({ title, text }: { title: string; text: string }) {
  return (
    <div class="sky-saying">
      <p class="verdict">{title}</p>
      <p>{text}</p>
    </div>
  );
}
