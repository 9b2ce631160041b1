import type { IconNode } from 'lucide';
import { h } from 'preact';

export type { IconNode };

/** A picture of the one set (Lucide): `of` is imported by its name. Without a label it is decoration. */
export function Icon({ of, size = 20, label, stroke = 1.75 }: IconProps) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={stroke}
      stroke-linecap="round"
      stroke-linejoin="round"
      role={label === undefined ? undefined : 'img'}
      aria-label={label}
      aria-hidden={label === undefined ? 'true' : undefined}
    >
      {of.map(([tag, attributes], index) => h(tag, { ...attributes, key: index }))}
    </svg>
  );
}
type IconProps = Readonly<{ of: IconNode; size?: number; label?: string; stroke?: number }>;
