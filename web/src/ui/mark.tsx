import { useId } from 'preact/hooks';

/** A crescent that holds the moon: the nightjar's large eye. */
export function Mark({ size = 32, onSky = false }: { size?: number; onSky?: boolean }) {
  const id = useId();
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <mask id={id}>
        <rect width="32" height="32" fill="#fff" />
        <circle cx="20.6" cy="10.6" r="11.4" fill="#000" />
      </mask>
      <circle cx="14.6" cy="17.2" r="13.4" fill={onSky ? '#fff' : 'var(--ink)'} mask={`url(#${id})`} />
      <circle cx="21.2" cy="10.4" r="4.4" fill={onSky ? '#f3c27a' : 'var(--moon)'} />
    </svg>
  );
}
