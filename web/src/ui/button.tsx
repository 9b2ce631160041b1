import type { ButtonHTMLAttributes, ComponentChildren, RefObject } from 'preact';
import { Icon, type IconNode } from './icon.tsx';

type Look = 'primary' | 'secondary' | 'quiet' | 'destructive' | 'warn';
type Common = Readonly<{
  look?: Look;
  icon?: IconNode;
  wide?: boolean;
  children: ComponentChildren;
}>;
type ButtonProps = Common &
  Readonly<{
    type?: 'button' | 'submit';
    /** It works: the label stays, a ring before it. */
    busy?: boolean;
    disabled?: boolean;
    onClick?: (event: MouseEvent) => void;
    describedBy?: string;
    buttonRef?: RefObject<HTMLButtonElement>;
    id?: string;
    /** Read out in place of what it says, where that is not enough by itself. */
    label?: string;
  }>;

function classes(look: Look, wide: boolean): string {
  return ['button', look === 'primary' ? '' : look, wide ? 'wide' : ''].filter(Boolean).join(' ');
}

/** One primary button a page; its label names what it acts on. */
export function Button({ look = 'primary', icon, wide = false, busy = false, disabled = false, ...rest }: ButtonProps) {
  const { children, onClick, type = 'button', describedBy, buttonRef, id, label } = rest;
  return (
    <button
      ref={buttonRef}
      id={id}
      type={type}
      class={classes(look, wide)}
      // Not `disabled` while busy: that would take the focus away from whoever pressed it.
      disabled={disabled && !busy}
      aria-busy={busy}
      aria-describedby={describedBy}
      aria-label={label}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy ? <span class="ring" aria-hidden="true" /> : icon !== undefined && <Icon of={icon} />}
      {children}
    </button>
  );
}

/** A way to another page that looks like a button. `plain`: a download or a page of another kind (no routing). */
export function LinkButton({ href, look = 'primary', icon, wide = false, children, plain = false }: LinkProps) {
  return (
    <a href={href} class={classes(look, wide)} {...(plain ? { target: '_self' } : {})}>
      {icon !== undefined && <Icon of={icon} />}
      {children}
    </a>
  );
}
type LinkProps = Common & Readonly<{ href: string; plain?: boolean }>;

/** A button that is only an icon: its label is read out and shown when pointed at. */
export function IconButton({ of, label, ...rest }: IconButtonProps) {
  return (
    <button type="button" class="button icon" aria-label={label} title={label} {...rest}>
      <Icon of={of} />
    </button>
  );
}
type IconButtonProps = Readonly<{ of: IconNode; label: string }> &
  Pick<ButtonHTMLAttributes<HTMLButtonElement>, 'onClick' | 'disabled' | 'aria-expanded' | 'aria-pressed' | 'id'>;
