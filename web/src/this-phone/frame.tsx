import type { ComponentChildren } from 'preact';
import { thisPhone } from '../text/en/this-phone.ts';
import { Alone } from '../ui/alone.tsx';

/** A page of the phone's. */
export function Frame({ title, back, children }: FrameProps) {
  return (
    <Alone title={title} {...(back === true ? { back: { href: '/this-phone', label: thisPhone.title } } : {})}>
      {children}
    </Alone>
  );
}
type FrameProps = Readonly<{ title: string; back?: boolean; children: ComponentChildren }>;
