import { CircleX, TriangleAlert } from 'lucide';
import type { ComponentChildren } from 'preact';
import type { Refusal } from '../ask/ask.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { Icon, type IconNode } from './icon.tsx';

/** What the box refused, in its own words, above the form that asked. */
export function RefusalNote({ refusal }: { refusal: Refusal | undefined }) {
  return (
    <div role="alert">
      {refusal !== undefined && refusal.code !== 'cancelled' && (
        <div class="refusal">
          <Icon of={CircleX} />
          <p>{refusal.message}</p>
        </div>
      )}
    </div>
  );
}

export type PillLook = 'safe' | 'waiting' | 'watch' | 'act' | 'quiet';
/** A state, always with its word. */
export function Pill({ look, icon, children }: { look: PillLook; icon: IconNode; children: ComponentChildren }) {
  return (
    <span class={`pill ${look}`}>
      <Icon of={icon} size={16} stroke={2.1} />
      {children}
    </span>
  );
}

/** What is missing, one sentence, one button. */
export function EmptyState({ icon, title, children, action }: EmptyProps) {
  return (
    <div class="empty">
      <Icon of={icon} size={24} />
      <p class="head">{title}</p>
      {children !== undefined && <p class="measure">{children}</p>}
      {action}
    </div>
  );
}
type EmptyProps = Readonly<{
  icon: IconNode;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}>;

/** The place of what is still coming, in its own size (CSS lengths). */
export function Skeleton({ height, width = '100%' }: { height: string; width?: string }) {
  return <div class="skeleton" style={{ height, width }} aria-hidden="true" />;
}

/** In place of what could not be loaded. */
export function CouldNotLoad({ refusal, again }: { refusal: Refusal; again: () => void }) {
  return (
    <EmptyState
      icon={TriangleAlert}
      title={refusal.message}
      action={
        <Button look="secondary" onClick={again}>
          {common.again}
        </Button>
      }
    />
  );
}

/** How much of all: `label` says it in words. */
export function Bar({ share, label, safe = false }: { share: number; label: string; safe?: boolean }) {
  const percent = Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div class={safe ? 'safe' : ''} style={{ width: `${percent}%` }} />
    </div>
  );
}

const paints = ['#f6dfcb', '#dfeedb', '#dbe5f9', '#f0dce8', '#e6e0f5', '#d9ecec'];
/** A person's first letter, always in the same colour. */
export function Avatar({ name }: { name: string }) {
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return (
    <span class="avatar" style={{ background: paints[sum % paints.length] }} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}
