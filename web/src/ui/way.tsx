import { ChevronRight } from 'lucide';
import { Icon, type IconNode } from './icon.tsx';
import './way.css';

/** One of several ways on, in a list of the class `ways`: the whole row is one link. `first`: the one that most take. */
export function Way({ href, icon, title, text, first = false }: WayProps) {
  return (
    <li>
      <a class={first ? 'way first' : 'way'} href={href}>
        <span class="way-icon" aria-hidden="true">
          <Icon of={icon} size={24} />
        </span>
        <span class="way-text">
          <span class="strong">{title}</span>
          <span class="cap">{text}</span>
        </span>
        <Icon of={ChevronRight} />
      </a>
    </li>
  );
}
type WayProps = Readonly<{ href: string; icon: IconNode; title: string; text: string; first?: boolean }>;
