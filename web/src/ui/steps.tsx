import type { ComponentChildren } from 'preact';
import './steps.css';

/** How far along: a bar of as many pieces, and the words. */
export function StepBar({ at, of, label }: { at: number; of: number; label: string }) {
  return (
    <div class="step-bar">
      <div class="step-pieces" aria-hidden="true">
        {Array.from({ length: of }, (_, index) => (
          <span key={index} class={index < at ? 'done' : undefined} />
        ))}
      </div>
      <p class="cap">{label}</p>
    </div>
  );
}

/** What to do, one after the other, in a card. */
export function NumberedSteps({ steps }: { steps: readonly NumberedStep[] }) {
  return (
    <ol class="card numbered">
      {steps.map(({ what, where, icon }, index) => (
        <li key={what}>
          <span class="number" aria-hidden="true">
            {index + 1}
          </span>
          <div>
            <p class="strong numbered-what">
              {what}
              {icon}
            </p>
            {where !== undefined && <p class="cap">{where}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
type NumberedStep = Readonly<{ what: string; where?: ComponentChildren; icon?: ComponentChildren }>;
