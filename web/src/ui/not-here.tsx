import { Laptop } from 'lucide';
import { device as t } from '../text/en/device.ts';
import { LinkButton } from './button.tsx';
import { EmptyState } from './parts.tsx';

/** In place of what only a box on a device of its own can do: why not, in one sentence. */
export function NotHere({ title = t.notHere, text }: { title?: string; text: string }) {
  return (
    <EmptyState
      icon={Laptop}
      title={title}
      action={
        <LinkButton look="secondary" href="/settings">
          {t.toSettings}
        </LinkButton>
      }
    >
      {text}
    </EmptyState>
  );
}
