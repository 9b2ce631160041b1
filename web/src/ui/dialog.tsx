import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

type DialogProps = Readonly<{
  title: string;
  open: boolean;
  /** Escape, or a press beside it; not called while `busy`. */
  onClose: () => void;
  busy?: boolean;
  children: ComponentChildren;
}>;

/** Over the page, from below on phones. The focus goes to its first field, else its title; closing gives it back. */
export function Dialog({ title, open, onClose, busy = false, children }: DialogProps) {
  const place = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = place.current;
    if (dialog === null) return;
    if (open && !dialog.open) {
      dialog.showModal();
      const field = dialog.querySelector<HTMLElement>('input:not([type=radio]):not([type=checkbox]), textarea');
      (field ?? dialog.querySelector<HTMLElement>('h2'))?.focus();
    } else if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the dialog's own (onCancel)
    <dialog
      ref={place}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onClose();
      }}
      onClick={(event) => {
        if (event.target === place.current && !busy) onClose();
      }}
    >
      {open && (
        <div class="inside stack">
          <h2 id={id} class="head" tabIndex={-1}>
            {title}
          </h2>
          {children}
        </div>
      )}
    </dialog>
  );
}
