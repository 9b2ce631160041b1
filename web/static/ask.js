// Asking the box: JSON both ways, and its clock. What the box refuses is thrown as its problem document (RFC 9457).
const answerMsMax = 20_000;

/** What to add to this device's clock to get the box's: either may be wrong. */
let clockOffsetMs = 0;

export function boxNow() {
  return Date.now() + clockOffsetMs;
}

/** `token`: the phone's; without one the browser's session asks. `waitMs`: how long the box may hold its answer. */
export async function ask(method, path, { body, token, waitMs = 0 } = {}) {
  let reply;
  try {
    reply = await fetch(path, {
      method,
      cache: 'no-store',
      credentials: token === undefined ? 'same-origin' : 'omit',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMsMax + waitMs),
    });
  } catch {
    throw { code: 'silent', detail: 'The box does not answer. Is this device on the home network? Try again.' };
  }
  const boxTime = Date.parse(reply.headers.get('date') ?? '');
  if (!Number.isNaN(boxTime)) clockOffsetMs = boxTime - Date.now();
  const answer = reply.status === 204 ? undefined : await reply.json().catch(() => ({}));
  if (reply.ok) return answer;
  throw { detail: `The box answered with status ${reply.status}.`, ...answer, status: reply.status };
}

/** Runs `work` once at a time for this button, which shows it. */
export async function whileBusy(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

/** Shows one of `sections` (ids) and gives its title the focus. */
export function showOnly(sections, section, { focus = true } = {}) {
  for (const id of sections) document.getElementById(id).hidden = id !== section;
  const title = document.getElementById(section).querySelector('h1');
  document.title = title.textContent;
  const field = document.getElementById(section).querySelector('input[data-first]');
  if (field !== null) field.focus();
  else if (focus) title.focus();
}

export function setError(id, text = '') {
  const place = document.getElementById(id);
  place.hidden = text === '';
  place.textContent = text;
}

/** “9:06”. */
export function minutesAndSeconds(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
