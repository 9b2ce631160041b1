// The phone's own page: approves sign-ins by the key that is kept here, and shows one-time codes. Everything shown is
// text, never markup. A lost key, a lost token or both are expected: the page then offers to register again.
import { ask, boxNow, setError, showOnly, whileBusy } from './ask.js';
import { listen } from './phone-events.js';
import {
  canKeepKeys,
  codeAt,
  codeKey,
  forget,
  keep,
  keepStorage,
  kept,
  makeApproverKey,
  signAnswer,
  useApproverKey,
} from './phone-keys.js';

const sections = [
  'asking',
  'insecure',
  'sheet',
  'approved',
  'denied',
  'over',
  'home-page',
  'new-codes',
  'stranger',
  'register',
  'confirm',
];
const storedAs = 'nightjar.phone';
const here = '/this-phone';
const byId = (id) => document.getElementById(id);

/** What pairing left here: phoneId, phone, person, box, token. */
let phone;
let request;
/** Turned down or answered here: not shown again while the box still tells of it. */
const settled = new Set();
let stream;
let codes;

function show(section) {
  showOnly(sections, section);
}

function readPhone() {
  try {
    return JSON.parse(localStorage.getItem(storedAs) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

// --- What the box has for this phone.

async function load() {
  let told;
  try {
    told = await ask('GET', '/api/approvals', { token: phone.token });
  } catch (problem) {
    if (problem.status === 401) return refused();
    byId('away').hidden = false;
    if (!byId('asking').hidden) show('home-page');
    return;
  }
  byId('away').hidden = true;
  phone = { ...phone, phoneId: told.phoneId, phone: told.phone, person: told.person };
  await showFacts(told);
  const next = told.approvals.find(({ id }) => !settled.has(id));
  if (request !== undefined && !told.approvals.some(({ id }) => id === request.id)) sheetGone();
  // What the person is typing for stays on the screen; a newer request comes after it.
  // Nor does one take codes away that nobody has written down yet.
  if (request === undefined && next !== undefined && byId('new-codes').hidden) openSheet(next);
  else if (!byId('asking').hidden) show('home-page');
}

async function showFacts({ approver }) {
  const approves = approver !== null && (await useApproverKey(approver.publicKey).catch(() => false));
  byId('phone-name').textContent = phone.phone;
  byId('phone-lead').textContent = `${phone.person}’s phone${phone.box ? `, at ${phone.box}` : ''}.`;
  byId('box').textContent = phone.box ?? '';
  byId('can').hidden = !approves;
  byId('lost-key').hidden = approves;
  byId('lost-key').querySelector('h2').textContent =
    approver === null ? 'This phone does not approve sign-ins yet' : 'This phone lost its key';
  const persisted = (await navigator.storage?.persisted?.().catch(() => false)) === true;
  byId('key-kept').textContent = persisted ? 'kept here, never shown' : 'kept here, while the browser keeps its data';
}

function refused() {
  stream?.close();
  byId('stranger-text').textContent =
    'It was taken off the list, or its place was taken by another phone. What it sent is safe.';
  show('stranger');
}

function watch() {
  stream?.close();
  const wanted = new Set(['hello', 'reset', 'approval-asked', 'approval-ended']);
  stream = listen(phone.token, {
    onEvent: (type) => {
      if (wanted.has(type)) void load();
    },
    onState: (open) => {
      byId('away').hidden = open;
    },
    onRefused: refused,
  });
}

// --- The sheet: six digits, sent at the sixth.

const field = byId('digits-field');
const cells = [...byId('cells').querySelectorAll('span')];

function drawCells() {
  const digits = [...field.value];
  for (const [at, cell] of cells.entries()) {
    cell.textContent = digits[at] ?? '';
    cell.toggleAttribute('data-next', at === digits.length);
  }
}

function openSheet(next) {
  request = next;
  byId('sheet-title').textContent = `Is this you, ${phone.person}?`;
  byId('browser').textContent = next.browser;
  byId('address').textContent = next.address;
  byId('home').textContent = next.home ? 'In your home network' : 'Not in your home network';
  field.value = '';
  sheetSays('');
  drawCells();
  showWhen();
  show('sheet');
}

function sheetSays(error) {
  byId('sheet-lead').hidden = error !== '';
  setError('sheet-error', error);
}

function showWhen() {
  if (request === undefined) return;
  const minutes = Math.floor((boxNow() - request.at) / 60_000);
  byId('when').textContent = minutes < 1 ? 'just now' : `${minutes} min ago`;
}

function sheetGone() {
  request = undefined;
  if (!byId('sheet').hidden) showOver('It was answered elsewhere, or its ten minutes are over.');
}

function showOver(text) {
  request = undefined;
  byId('over-text').textContent = text;
  show('over');
}

let sending = false;

async function sendDigits() {
  if (sending || request === undefined) return;
  sending = true;
  const asked = request;
  byId('cells').toggleAttribute('data-sending', true);
  try {
    const body = await signAnswer(asked, field.value, phone.phoneId);
    const { browser, address } = await ask('POST', `/api/approvals/${asked.id}`, { token: phone.token, body });
    settled.add(asked.id);
    request = undefined;
    byId('approved-text').textContent = `${browser} at ${address} is now signed in as ${phone.person}.`;
    show('approved');
  } catch (problem) {
    answerRefused(asked, problem);
  } finally {
    sending = false;
    byId('cells').toggleAttribute('data-sending', false);
  }
}

function answerRefused(asked, problem) {
  field.value = '';
  drawCells();
  if (problem.code === 'wrong-code' && problem.triesLeft > 0) {
    sheetSays(`Not the same digits. ${problem.triesLeft === 1 ? '1 try' : `${problem.triesLeft} tries`} left.`);
    field.focus();
    return;
  }
  if (problem.code === 'wrong-code' || problem.code === 'approval-over' || problem.code === 'not-found') {
    settled.add(asked.id);
    showOver(problem.code === 'wrong-code' ? 'Three times other digits. Start again in the browser.' : problem.detail);
    return;
  }
  if (problem.status === 401) return refused();
  sheetSays(problem.detail ?? 'This phone’s key cannot be used. Register the phone again.');
}

field.addEventListener('input', () => {
  field.value = field.value.replace(/\D/g, '').slice(0, 6);
  sheetSays('');
  drawCells();
  if (field.value.length === 6) void sendDigits();
});
// The caret is not drawn: it stays at the end.
field.addEventListener('focus', () => field.setSelectionRange(field.value.length, field.value.length));

byId('deny').addEventListener('click', () =>
  whileBusy(byId('deny'), async () => {
    const asked = request;
    try {
      await ask('POST', `/api/approvals/${asked.id}/deny`, { token: phone.token });
      settled.add(asked.id);
      request = undefined;
      show('denied');
    } catch (problem) {
      if (problem.code === 'approval-over' || problem.code === 'not-found') showOver(problem.detail);
      else sheetSays(problem.detail);
    }
  }),
);

for (const button of document.querySelectorAll('[data-home]')) {
  button.addEventListener('click', () => {
    show('home-page');
    void load();
  });
}

// --- Registering, and what else needs the person's own session in this browser.

/** The person's session here, open and confirmed; undefined while they are led there. */
async function provenSession() {
  let session;
  try {
    session = await ask('GET', '/api/sessions/current');
  } catch (problem) {
    if (problem.status !== 401) throw problem;
  }
  if (session?.stage !== 'open') {
    location.assign(`/sign-in?to=${encodeURIComponent(`${here}${location.hash}`)}`);
    return undefined;
  }
  if (session.confirmedUntil === null) await confirmed();
  return session;
}

/** Resolves when the password was typed once more. */
function confirmed() {
  show('confirm');
  return new Promise((resolve) => {
    const form = byId('confirm-form');
    form.onsubmit = (event) => {
      event.preventDefault();
      void whileBusy(form.querySelector('button'), async () => {
        setError('confirm-error');
        try {
          const body = { password: byId('confirm-field').value };
          byId('confirm-field').value = '';
          await ask('POST', '/api/sessions/current/confirm', { body });
          resolve();
        } catch (problem) {
          setError('confirm-error', problem.detail);
        }
      });
    };
  });
}

async function register() {
  history.replaceState(null, '', `${here}#register`);
  const session = await provenSession();
  if (session === undefined) return;
  const { phones } = await ask('GET', '/api/phones');
  const own = phones.filter(({ personId }) => personId === session.person.id);
  byId('phones').replaceChildren(...own.map((one, at) => choiceOf(one, at, own.length)));
  byId('register-form').querySelector('button').hidden = own.length === 0;
  show('register');
}

function choiceOf({ id, name }, at, count) {
  const label = document.createElement('label');
  label.className = 'choice';
  const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'phone', value: id });
  input.checked = id === phone?.phoneId || (phone === undefined && count === 1 && at === 0);
  label.append(input, name);
  return label;
}

byId('register-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void whileBusy(byId('register-form').querySelector('button'), async () => {
    setError('register-error');
    const phoneId = new FormData(byId('register-form')).get('phone');
    if (phoneId === null) return setError('register-error', 'Choose which of them this is.');
    try {
      await registerAs(phoneId);
    } catch (problem) {
      setError('register-error', problem.detail ?? 'This browser keeps no key for this page. Nothing was registered.');
    }
  });
});

async function registerAs(phoneId) {
  await keepStorage();
  const publicKey = await makeApproverKey();
  const { approver, token, recoveryCodes } = await ask('POST', '/api/approvers', { body: { publicKey, phoneId } });
  phone = { ...phone, phoneId, phone: approver.name, token };
  localStorage.setItem(storedAs, JSON.stringify(phone));
  history.replaceState(null, '', here);
  show('asking');
  await load();
  watch();
  showNewCodes(recoveryCodes);
}

/** The ten recovery codes of a person who had none left: shown this once and kept nowhere. */
function showNewCodes(recoveryCodes) {
  if (recoveryCodes.length === 0) return;
  byId('recovery-codes').replaceChildren(
    ...recoveryCodes.map((one) => Object.assign(document.createElement('li'), { textContent: one })),
  );
  request = undefined;
  show('new-codes');
}

for (const button of document.querySelectorAll('[data-register]')) {
  button.addEventListener('click', () => whileBusy(button, () => register().catch(failed)));
}

function failed(problem) {
  byId('said').textContent = problem.detail ?? String(problem);
}

// --- One-time codes.

async function addCodes() {
  history.replaceState(null, '', `${here}#codes`);
  const session = await provenSession();
  if (session === undefined) return;
  const name = phone?.phone ?? 'This phone';
  const made = await ask('POST', '/api/authenticators', { body: { name } });
  const key = await codeKey(made.textKey);
  await keepStorage();
  // Kept before it counts: a code that nobody can show must never be asked for.
  await keep('codes', { id: made.id, key, name });
  const { code } = await codeAt(key, made.boxTime);
  const { recoveryCodes } = await ask('POST', `/api/authenticators/${made.id}/confirm`, { body: { code } });
  codes = await kept('codes');
  history.replaceState(null, '', here);
  showCodes();
  show('home-page');
  showNewCodes(recoveryCodes);
}

function showCodes() {
  byId('code-shown').hidden = codes === undefined;
  byId('show-codes').hidden = codes !== undefined;
  byId('forget-codes').hidden = codes === undefined;
  byId('code-hint').textContent =
    codes === undefined
      ? 'This phone can show them itself, so that you can sign in where it cannot approve.'
      : 'For signing in where this phone cannot approve. Each works once.';
  if (codes !== undefined) void tickCode();
}

async function tickCode() {
  if (codes === undefined) return;
  const { code, secondsLeft } = await codeAt(codes.key, boxNow());
  byId('code-now').replaceChildren(
    ...[code.slice(0, 3), code.slice(3)].map((text) =>
      Object.assign(document.createElement('span'), { textContent: text }),
    ),
  );
  byId('code-bar').value = secondsLeft;
  byId('code-left').textContent = `${secondsLeft} s`;
}

byId('show-codes').addEventListener('click', () =>
  whileBusy(byId('show-codes'), async () => {
    setError('code-error');
    await addCodes().catch((problem) => {
      show('home-page');
      setError('code-error', problem.detail ?? String(problem));
    });
  }),
);

byId('forget-codes').addEventListener('click', () =>
  whileBusy(byId('forget-codes'), async () => {
    await forget('codes');
    codes = undefined;
    showCodes();
    byId('code-hint').textContent = 'Gone from this phone. Take it off your list of authenticators too.';
  }),
);

setInterval(() => {
  showWhen();
  void tickCode();
}, 1_000);

async function start() {
  if (!canKeepKeys()) return show('insecure');
  codes = await kept('codes').catch(() => undefined);
  showCodes();
  phone = readPhone();
  const wanted = location.hash;
  if (phone !== undefined) {
    await load();
    if (byId('stranger').hidden) watch();
  } else {
    byId('stranger-text').textContent =
      'A browser that clears its data forgets the phone’s key with it. What the phone sent is safe.';
    show('stranger');
  }
  if (wanted === '#register') await register();
  if (wanted === '#codes') await addCodes();
}

await start().catch(failed);
