// The pairing page. The secret comes in the fragment, which no browser sends, and goes to the box in a POST body.
// Looking does not use the invitation up; only the button does. Everything shown is text, never markup.
import { canKeepKeys, keepStorage, makeApproverKey, useApproverKey } from './phone-keys.js';
import { showWhere } from './where.js';

const answerMsMax = 20_000;
const storedAs = 'nightjar.phone';
const sections = ['asking', 'code', 'invitation', 'joined', 'over'];
const byId = (id) => document.getElementById(id);

/** What opens the pairing: `{ secret }` or `{ code }`. */
let key;
let expiresAt;
/** A key that this phone brings may approve sign-ins. */
let mayApprove = false;
/** What the box told of itself: its name, its addresses, its fingerprint. */
let told = {};
/** What to add to this device's clock to get the box's: either may be wrong. */
let clockOffsetMs = 0;
let busy = false;

const endings = {
  'pairing-used': [
    'This invitation has been used.',
    'It works once. If that was not you, tell the owner, who can take the phone off the list. Otherwise ask for a new one.',
  ],
  'pairing-expired': [
    'This invitation has run out.',
    'It lasts 15 minutes, and a newer one takes its place. Nothing was paired. Ask the owner for a new one.',
  ],
  'pairing-unknown': [
    'The box does not know this invitation.',
    'The link may be cut short, or for another box. Nothing was paired. Open the whole link again, or ask for a new one.',
  ],
};

async function post(path, body) {
  let reply;
  try {
    reply = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerMsMax),
    });
  } catch {
    throw { code: 'silent', detail: 'The box does not answer. Is this phone on the home network? Try again.' };
  }
  const boxTime = Date.parse(reply.headers.get('date') ?? '');
  if (!Number.isNaN(boxTime)) clockOffsetMs = boxTime - Date.now();
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw { code: answer.code, detail: answer.detail ?? `The box answered with status ${reply.status}.` };
  return answer;
}

function show(section, options = { focus: true }) {
  for (const id of sections) byId(id).hidden = id !== section;
  const isAnswered = section === 'invitation' || section === 'joined';
  showWhere(told.box ?? '', isAnswered ? (told.addresses ?? []) : []);
  const title = byId(section).querySelector('h1');
  document.title = title.textContent;
  if (options.focus) title.focus();
}

function showOver({ code, detail }) {
  const [title, text] = endings[code] ?? ['That did not work.', detail];
  byId('over-title').textContent = title;
  byId('over-text').textContent = text;
  show('over');
}

function showLeft() {
  const seconds = Math.floor((expiresAt - Date.now() - clockOffsetMs) / 1000);
  if (seconds <= 0) return showOver({ code: 'pairing-expired' });
  const minutes = Math.ceil(seconds / 60);
  byId('left').textContent = minutes === 1 ? 'It runs out within a minute.' : `It runs out in ${minutes} minutes.`;
}

/** The link as it was made: on loopback this page may have come over http, which the client does not take. */
function linkFor(fragment) {
  const [first] = (fragment.get('a') ?? '').split(',');
  const origin = location.protocol === 'https:' || !first ? location.origin : `https://${first}`;
  return `${origin}/pair${location.hash}`;
}

/** The link's own words come first: they were there before anybody on the network could answer. */
function hear(answer, fragment) {
  const addresses = (fragment.get('a') ?? '').split(',').filter((address) => address !== '');
  told = {
    box: fragment.get('n') ?? answer.box,
    addresses: addresses.length > 0 ? addresses : answer.addresses,
    fingerprint: fragment.get('f') ?? answer.fingerprint ?? '',
  };
  byId('box').textContent = told.box ?? '';
}

function showInvitation(invitation, fragment) {
  hear(invitation, fragment);
  byId('whose').textContent = `This is ${invitation.person}’s phone`;
  byId('phone').textContent = invitation.phone;
  byId('person').textContent = invitation.person;
  byId('folder').textContent = invitation.baseFolder;
  byId('fingerprint-card').hidden = !/^[0-9a-f]{64}$/.test(told.fingerprint);
  byId('fingerprint').textContent = (told.fingerprint.match(/.{4}/g) ?? []).join(' ');
  // By a code the fingerprint comes from whoever answers; a link brought it from the owner’s screen.
  byId('by-code').hidden = 'secret' in key;
  // The command needs the whole link; a typed code does not bring it.
  byId('client').hidden = !('secret' in key);
  byId('instead').hidden = !('secret' in key);
  const overHttps = location.protocol === 'https:';
  // npm does not know the box's certificate; the browser that shows this page does.
  byId('download-step').hidden = !overHttps;
  byId('install').textContent =
    `npm i -g ${overHttps ? './nightjar-phone.tgz' : `${location.origin}/nightjar-phone.tgz`}`;
  byId('command').textContent = `nightjar-phone pair '${linkFor(fragment).replaceAll("'", '%27')}'`;
  mayApprove = invitation.mayApprove === true;
  byId('moves').hidden = !invitation.replaces;
  byId('moves').textContent =
    `It takes the place of ${invitation.replaces}: folder and history stay, nothing is sent twice, and whatever the old phone held stops working.`;
  expiresAt = invitation.expiresAt;
  showLeft();
  show('invitation');
}

/** `recoveryCodes`: for a person who had none left; shown this once and kept nowhere. */
function showJoined(phone, { recoveryCodes = [], focus = true } = {}) {
  byId('joined-title').textContent = `${phone.phone} has joined`;
  byId('box').textContent = phone.box;
  byId('approves').hidden = phone.approver !== true;
  byId('new-codes').hidden = recoveryCodes.length === 0;
  byId('recovery-codes').replaceChildren(
    ...recoveryCodes.map((one) => Object.assign(document.createElement('li'), { textContent: one })),
  );
  told = { box: phone.box, addresses: told.addresses ?? phone.addresses };
  show('joined', { focus });
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(storedAs) ?? 'null');
  } catch {
    return null;
  }
}

function store(phone) {
  try {
    localStorage.setItem(storedAs, JSON.stringify(phone));
  } catch {
    byId('said').textContent = 'This browser keeps nothing for this page, so it will not know the phone next time.';
  }
}

async function whileBusy(button, work) {
  if (busy) return;
  busy = true;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    busy = false;
    button.removeAttribute('aria-disabled');
  }
}

/** The key by which this phone will approve sign-ins; without one it pairs all the same. */
async function approverKey() {
  if (!canKeepKeys()) return {};
  try {
    await keepStorage();
    return { approverKey: await makeApproverKey() };
  } catch {
    return {};
  }
}

/** This page is as new as the box that gave it. Without an answer it pairs all the same. */
async function version() {
  try {
    const reply = await fetch('/api/health', { signal: AbortSignal.timeout(answerMsMax), cache: 'no-store' });
    return { clientVersion: (await reply.json()).version };
  } catch {
    return {};
  }
}

function setError(id, text) {
  byId(id).hidden = text === '';
  byId(id).textContent = text;
}

// --- The code field: eight symbols, the dash set by itself, sent at the last one.
const field = byId('code-field');

function symbolsOf(text) {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .slice(0, 8);
}

async function lookByCode() {
  const code = symbolsOf(field.value);
  if (code.length < 8) return setCodeError('A code has eight letters and digits.');
  await whileBusy(byId('code-form').querySelector('button'), async () => {
    try {
      const invitation = await post('/api/pairings/look', { code });
      key = { code };
      showInvitation(invitation, new URLSearchParams());
    } catch (problem) {
      if (problem.code === 'pairing-used' || problem.code === 'pairing-expired') showOver(problem);
      else setCodeError(problem.detail);
    }
  });
}

function setCodeError(text) {
  setError('code-error', text);
  byId('code-hint').hidden = text !== '';
  field.setAttribute('aria-invalid', String(text !== ''));
  field.setAttribute('aria-describedby', text === '' ? 'code-hint' : 'code-error');
  if (text !== '') field.focus();
}

field.addEventListener('input', (event) => {
  const symbols = symbolsOf(field.value);
  const deleting = event.inputType?.startsWith('delete') ?? false;
  const dash = symbols.length > 4 || (symbols.length === 4 && !deleting);
  if (field.selectionStart === field.value.length)
    field.value = dash ? `${symbols.slice(0, 4)}-${symbols.slice(4)}` : symbols;
  setCodeError('');
  if (symbols.length === 8 && !deleting) void lookByCode();
});

byId('code-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void lookByCode();
});

// --- The one button that uses the invitation up.
byId('pair').addEventListener('click', () =>
  whileBusy(byId('pair'), async () => {
    setError('pair-error', '');
    try {
      const approval = mayApprove ? await approverKey() : {};
      const { recoveryCodes, ...phone } = await post('/api/pairings/redeem', {
        ...key,
        client: 'web-page',
        ...(await version()),
        ...approval,
      });
      if (phone.approver) await useApproverKey(approval.approverKey).catch(() => false);
      store({ ...phone, addresses: told.addresses });
      // The secret is spent: it need not stay in the address and the history.
      history.replaceState(null, '', '/pair');
      showJoined(phone, { recoveryCodes });
    } catch (problem) {
      if (endings[problem.code]) showOver(problem);
      else setError('pair-error', problem.detail);
    }
  }),
);

byId('again').addEventListener('click', () => {
  history.replaceState(null, '', '/pair');
  setCodeError('');
  field.value = '';
  show('code', { focus: false });
  field.focus();
});

async function start() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const secret = fragment.get('s');
  byId('box').textContent = fragment.get('n') ?? '';
  if (!secret) {
    const phone = stored();
    if (phone) showJoined(phone, { focus: false });
    else show('code', { focus: false });
    return;
  }
  show('asking', { focus: false });
  key = { secret };
  try {
    showInvitation(await post('/api/pairings/look', key), fragment);
  } catch (problem) {
    showOver(problem);
  }
}

setInterval(() => {
  if (!byId('invitation').hidden && !busy) showLeft();
}, 5_000);
addEventListener('hashchange', start);
await start();
