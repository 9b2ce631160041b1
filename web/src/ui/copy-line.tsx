import { useState } from 'preact/hooks';
import { common } from '../text/en/common.ts';
import './copy-line.css';

/** A line to be taken over as it is: a command, a link, a key. */
export function CopyLine({ label, text }: { label: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <div class="copy-line">
      <p class="label">{label}</p>
      <div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
        <code class="mono" tabIndex={0}>
          {text}
        </code>
        <button type="button" class="button secondary" onClick={() => void copy().catch(() => undefined)}>
          {copied ? common.copied : common.copy}
        </button>
      </div>
    </div>
  );
}
