/**
 * Owns the tab's one event stream: let go of when hidden for 5 minutes, opened again with a full look.
 * Never asks anything itself: who hears `missed` loads anew what it shows.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveEvent } from '../../../src/api.ts';

/** `missed`: events were lost (also at each new connection after a pause): load anew. */
export type Heard = LiveEvent | { type: 'missed' };
type Listener = (event: Heard) => void;

const hiddenMsMax = 5 * 60_000;
const retryMsFirst = 1_000;
const retryMsMax = 30_000;
/** Shorter silences are nobody's business: a phone changes its access point in two seconds. */
const awayMsMin = 5_000;

const listeners = new Set<Listener>();
const awayListeners = new Set<(away: boolean) => void>();
let source: EventSource | undefined;
let retryMs = retryMsFirst;
let retryTimer: number | undefined;
let hiddenTimer: number | undefined;
let awayTimer: number | undefined;
let onRefused: (() => void) | undefined;
let wanted = false;
let hadOne = false;
let away = false;

/** Every event that the box tells; the rooms' contracts say which there are. */
const kinds = [
  'arrived',
  'trashed',
  'restored',
  'deleted',
  'erasure',
  'phone-progress',
  'picture-ready',
  'picture-refused',
  'notice',
  'approval-asked',
  'approval-ended',
  'pairing',
  'home',
  'disks',
] as const satisfies readonly LiveEvent['type'][];

/** From a sign-in until a sign-out. `refused` is called when the box answers, and will not let this browser listen. */
export function openLive(refused: () => void): void {
  wanted = true;
  onRefused = refused;
  document.addEventListener('visibilitychange', onVisibility);
  connect();
}

export function closeLive(): void {
  wanted = false;
  onRefused = undefined;
  hadOne = false;
  document.removeEventListener('visibilitychange', onVisibility);
  drop();
  setAway(false);
}

function connect(): void {
  if (!wanted || source !== undefined || document.hidden) return;
  window.clearTimeout(retryTimer);
  const own = new EventSource('/api/events');
  source = own;
  const take = (message: MessageEvent<string>) => tell(JSON.parse(message.data) as LiveEvent);
  for (const kind of kinds) own.addEventListener(kind, take as (event: Event) => void);
  own.addEventListener('hello', () => {
    if (hadOne) tell({ type: 'missed' });
    hadOne = true;
  });
  own.addEventListener('reset', () => tell({ type: 'missed' }));
  own.addEventListener('replaced', () => {
    // A newer page of this browser has it; this one comes back when it is looked at again.
    drop();
  });
  own.addEventListener('open', () => {
    retryMs = retryMsFirst;
    setAway(false);
  });
  own.addEventListener('error', () => {
    setAway(true);
    if (own.readyState !== EventSource.CLOSED || own !== source) return;
    drop();
    onRefused?.();
    retryTimer = window.setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, retryMsMax);
  });
}

function drop(): void {
  window.clearTimeout(retryTimer);
  source?.close();
  source = undefined;
}

function onVisibility(): void {
  window.clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = window.setTimeout(drop, hiddenMsMax);
  else connect();
}

function setAway(now: boolean): void {
  const told = (value: boolean) => {
    away = value;
    for (const listener of awayListeners) listener(value);
  };
  if (now) {
    // Each failed try comes by here: the time runs from the first.
    if (!away) awayTimer ??= window.setTimeout(() => told(true), awayMsMin);
    return;
  }
  window.clearTimeout(awayTimer);
  awayTimer = undefined;
  if (away) told(false);
}

function tell(event: Heard): void {
  for (const listener of listeners) listener(event);
}

/** Calls `onEvent` for what the box tells while the component is shown. */
export function useLive(onEvent: Listener): void {
  const current = useRef(onEvent);
  current.current = onEvent;
  useEffect(() => {
    const listener: Listener = (event) => current.current(event);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
}

/** Whether the box has been silent for more than 5 s. */
export function useAway(): boolean {
  const [value, setValue] = useState(away);
  useEffect(() => {
    awayListeners.add(setValue);
    return () => void awayListeners.delete(setValue);
  }, []);
  return value;
}
