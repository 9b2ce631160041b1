// What the box tells this phone as it happens. An `EventSource` sends no bearer token, so the stream is read by hand
// (WHATWG HTML, section 9.2); what is missed while it is away is loaded anew when it is back.
const retryMsFirst = 1_000;
const retryMsMax = 30_000;
/** A stream whose heartbeats (every 15 s) stay away is dead. */
const silentMsMax = 45_000;
/** A page that nobody looks at lets go of its stream. */
const hiddenMsMax = 5 * 60_000;
const lineLengthMax = 64 * 1024;

/** Calls `onEvent(type, data)` for each event, `onState(true or false)` as the stream comes and goes. */
export function listen(token, { onEvent, onState, onRefused }) {
  let retryMs = retryMsFirst;
  let current;
  let stopped = false;
  let hiddenTimer;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function read() {
    const ending = new AbortController();
    current = ending;
    let silence = setTimeout(() => ending.abort(), silentMsMax);
    try {
      const reply = await fetch('/api/events', {
        headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
        cache: 'no-store',
        credentials: 'omit',
        signal: ending.signal,
      });
      if (reply.status === 401) {
        stopped = true;
        onRefused();
        return;
      }
      if (!reply.ok) return;
      onState(true);
      retryMs = retryMsFirst;
      let rest = '';
      for await (const text of texts(reply.body)) {
        clearTimeout(silence);
        silence = setTimeout(() => ending.abort(), silentMsMax);
        const lines = (rest + text).split('\n');
        rest = (lines.pop() ?? '').slice(-lineLengthMax);
        for (const line of lines) if (line.startsWith('data:')) take(line.slice(5));
      }
    } catch {
      // Away: the loop comes back.
    } finally {
      clearTimeout(silence);
      onState(false);
    }
  }

  function take(data) {
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    // This phone has too many streams: the newest one is enough.
    if (event.type === 'replaced') stopped = true;
    else onEvent(event.type, event);
  }

  async function run() {
    while (!stopped) {
      await read();
      if (stopped || document.hidden) break;
      await pause(retryMs);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
    running = false;
  }

  let running = true;
  void run();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => current?.abort(), hiddenMsMax);
      return;
    }
    if (running || stopped) return;
    running = true;
    retryMs = retryMsFirst;
    void run();
  });
  return {
    close() {
      stopped = true;
      current?.abort();
    },
  };
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}
