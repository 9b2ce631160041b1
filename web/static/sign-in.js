// Signing in: password, then what the box says is still due. Everything shown is text, never markup.
import { ask, boxNow, minutesAndSeconds, setError, showOnly, whileBusy } from './ask.js';

const sections = [
  'asking',
  'password',
  'approval',
  'code',
  'recovery',
  'new-password',
  'enrol',
  'sheet',
  'locked',
  'done',
];
const approvalMs = 10 * 60_000;
const pollMs = 25_000;
const pollPauseMs = 2_000;
const nameKept = 'nightjar.person';
const wayKept = 'nightjar.way';
const requestKept = 'nightjar.approval';
const byId = (id) => document.getElementById(id);

let ways = [];
/** The request whose digits are shown; a new one, or leaving, ends the waiting for it. */
let request;
let enrolling;

function remembered(name, from = localStorage) {
  try {
    return from.getItem(name) ?? '';
  } catch {
    return '';
  }
}

function remember(name, value, to = localStorage) {
  try {
    if (value === undefined) to.removeItem(name);
    else to.setItem(name, value);
  } catch {
    // A browser that keeps nothing asks for everything again.
  }
}

/** Where the person was going: a path of this box, never another site. */
function destination() {
  const to = new URLSearchParams(location.search).get('to') ?? '/';
  return /^\/(?![/\\])/.test(to) && URL.canParse(to, location.origin) ? to : '/';
}

function show(section) {
  const middle = !['asking', 'password', 'locked', 'done'].includes(section);
  byId('who').hidden = !middle;
  byId('saying').textContent =
    section === 'approval' ? 'One more step, on your phone.' : middle ? 'One more step.' : 'Your photos came home.';
  byId('saying-why').textContent = middle
    ? 'Nobody can sign in with the password alone. Works without the internet.'
    : 'Everything here stays in this house. It works without the internet.';
  if (section !== 'approval') request = undefined;
  showOnly(sections, section);
}

function showPassword(why = '') {
  remember(requestKept, undefined, sessionStorage);
  byId('why').textContent = why;
  byId('password-field').value = '';
  byId('person-field').value ||= remembered(nameKept);
  show('password');
  byId(byId('person-field').value === '' ? 'person-field' : 'password-field').focus();
}

/** Goes where the box says that the sign-in stands. */
async function proceed({ person, stage, ways: possible }) {
  ways = possible;
  byId('name').textContent = person.name;
  byId('initial').textContent = [...person.name][0]?.toUpperCase() ?? '';
  byId('new-password-person').value = person.name;
  for (const button of document.querySelectorAll('[data-way]')) button.hidden = !ways.includes(button.dataset.way);
  for (const list of document.querySelectorAll('.list')) list.hidden = [...list.children].every((one) => one.hidden);
  byId('not-at-hand').hidden = ways.length < 2;
  byId('nothing-else').hidden = ways.length > 1;
  if (stage === 'second-factor') return showWay(ways.includes(remembered(wayKept)) ? remembered(wayKept) : ways[0]);
  if (stage === 'enrol') return enrol();
  if (stage !== 'open') return show(stage);
  const to = destination();
  byId('go-on').href = to;
  byId('done-text').textContent = `As ${person.name}, on this browser.`;
  show('done');
  if (new URLSearchParams(location.search).has('to')) location.replace(to);
}

async function showWay(way) {
  if (way === undefined)
    return showPassword('No second lock of yours can be used here. The box’s own screen can help.');
  show(way);
  if (way === 'approval') await approve();
}

/** Digits that were asked for before this page was loaded anew are still good. */
function keptRequest() {
  try {
    const kept = JSON.parse(remembered(requestKept, sessionStorage));
    return kept.expiresAt > boxNow() ? kept : undefined;
  } catch {
    return undefined;
  }
}

async function approve({ anew = false } = {}) {
  setError('approval-error');
  byId('new-digits').hidden = true;
  try {
    const kept = anew ? undefined : keptRequest();
    const state = kept && (await ask('GET', `/api/sessions/current/approval/${kept.id}`).catch(() => undefined));
    request = state?.state === 'open' ? kept : await ask('POST', '/api/sessions/current/approval');
  } catch (problem) {
    byId('digits').textContent = '';
    byId('waiting').hidden = true;
    if (problem.status === 401) return showPassword('This sign-in is over. Start again.');
    return setError('approval-error', problem.detail);
  }
  remember(requestKept, JSON.stringify(request), sessionStorage);
  const { digits, approvers } = request;
  byId('digits').replaceChildren(...[digits.slice(0, 3), digits.slice(3)].map(textSpan));
  byId('digits').setAttribute('aria-label', [...digits].join(' '));
  const names = new Intl.ListFormat('en', { type: 'disjunction' }).format(approvers);
  byId('which-phone').textContent = `Open Nightjar on ${names}. It is already asking.`;
  byId('waiting').textContent = `Waiting for ${names}`;
  byId('waiting').hidden = false;
  showLeft();
  await waitForPhone(request);
}

function textSpan(text) {
  const span = document.createElement('span');
  span.textContent = text;
  return span;
}

async function waitForPhone(waited) {
  while (request === waited) {
    let answer;
    try {
      answer = await ask('GET', `/api/sessions/current/approval/${waited.id}?waitMs=${pollMs}`, { waitMs: pollMs });
    } catch (problem) {
      if (request !== waited) return;
      if (problem.status === 401) return showPassword('This sign-in is over. Start again.');
      if (problem.status === 404 || problem.status === 410) answer = { state: 'dead' };
      else await new Promise((resolve) => setTimeout(resolve, pollPauseMs));
    }
    if (request !== waited) return;
    if (answer !== undefined && answer.state !== 'open') return approvalOver(answer);
  }
}

async function approvalOver({ state }) {
  remember(requestKept, undefined, sessionStorage);
  if (state === 'approved') {
    remember(wayKept, 'approval');
    return proceed(await ask('GET', '/api/sessions/current'));
  }
  if (state === 'denied') return showPassword('This was turned down on the phone. Nobody was signed in.');
  request = undefined;
  byId('waiting').hidden = true;
  setError('approval-error', 'These digits are over: they last ten minutes and three tries. Nobody was signed in.');
  byId('digits').textContent = '';
  byId('time-left').textContent = '';
  byId('time-bar').value = 0;
  byId('new-digits').hidden = false;
}

function showLeft() {
  if (request === undefined) return;
  const ms = Math.max(0, Math.min(approvalMs, request.expiresAt - boxNow()));
  byId('time-bar').value = ms / 1000;
  byId('time-left').textContent = `${minutesAndSeconds(ms)} left`;
}

/** A form that sends one thing and goes on with the sign-in. */
function onSubmit(form, errorId, send) {
  byId(form).addEventListener('submit', (event) => {
    event.preventDefault();
    void whileBusy(byId(form).querySelector('button'), async () => {
      setError(errorId);
      try {
        await send();
      } catch (problem) {
        // A wrong password or code is a 401 too: those have codes of their own.
        if (problem.code === 'unauthenticated') return showPassword('This sign-in is over. Start again.');
        showRefusal(errorId, problem);
        byId(form).querySelector('input:not([hidden])').focus();
      }
    });
  });
}

const countdowns = new Map();

function showRefusal(errorId, problem) {
  clearInterval(countdowns.get(errorId));
  const { retryAfterSeconds: seconds } = problem;
  if (problem.code !== 'too-many-requests' || seconds === undefined || seconds > 3600)
    return setError(errorId, problem.detail);
  const until = Date.now() + seconds * 1000;
  const tick = () => {
    const left = until - Date.now();
    if (left <= 0) clearInterval(countdowns.get(errorId));
    setError(errorId, left <= 0 ? '' : `Too many tries. Next one in ${minutesAndSeconds(left)}.`);
  };
  countdowns.set(errorId, setInterval(tick, 1000));
  tick();
}

onSubmit('password-form', 'password-error', async () => {
  const person = byId('person-field').value.trim();
  const password = byId('password-field').value;
  if (person === '' || password === '') throw { detail: 'Type your name and your password.' };
  const step = await ask('POST', '/api/sessions', { body: { person, password } });
  byId('password-field').value = '';
  remember(nameKept, step.person.name);
  await proceed(step);
});

onSubmit('code-form', 'code-error', async () => {
  const code = byId('code-field').value.replace(/\s/g, '');
  byId('code-field').value = '';
  if (!/^\d{6}$/.test(code)) throw { detail: 'A one-time code has six digits.' };
  const step = await ask('POST', '/api/sessions/current/code', { body: { code } });
  remember(wayKept, 'code');
  await proceed(step);
});

onSubmit('recovery-form', 'recovery-error', async () => {
  const code = byId('recovery-field').value.trim();
  if (code === '') throw { detail: 'Type one of your ten codes.' };
  await proceed(await ask('POST', '/api/sessions/current/recovery', { body: { code } }));
});

onSubmit('new-password-form', 'new-password-error', async () => {
  const body = { password: byId('new-password-field').value };
  await proceed(await ask('POST', '/api/sessions/current/new-password', { body }));
});

onSubmit('unlock-form', 'unlock-error', async () => {
  await ask('POST', '/api/sessions/current/unlock', { body: { password: byId('unlock-field').value } });
  await proceed(await ask('GET', '/api/sessions/current'));
});

async function enrol() {
  enrolling = await ask('POST', '/api/authenticators', { body: { name: 'Authenticator' } });
  byId('enrol-qr').src = `data:image/svg+xml,${encodeURIComponent(enrolling.qrSvg)}`;
  byId('enrol-key').textContent = enrolling.textKey;
  show('enrol');
}

onSubmit('enrol-form', 'enrol-error', async () => {
  const code = byId('enrol-field').value.replace(/\s/g, '');
  const { recoveryCodes } = await ask('POST', `/api/authenticators/${enrolling.id}/confirm`, { body: { code } });
  if (recoveryCodes.length === 0) return openEnrolled();
  byId('sheet-codes').replaceChildren(
    ...recoveryCodes.map((one) => Object.assign(document.createElement('li'), { textContent: one })),
  );
  show('sheet');
});

async function openEnrolled() {
  await proceed(await ask('POST', '/api/sessions/current/open'));
}

byId('sheet-done').addEventListener('click', () => whileBusy(byId('sheet-done'), openEnrolled));
byId('new-digits').addEventListener('click', () => whileBusy(byId('new-digits'), () => startApproval()));
for (const button of document.querySelectorAll('[data-way]')) {
  button.addEventListener('click', () => void showWay(button.dataset.way));
}

/** Not awaited to its end: that comes when the phone answers. */
async function startApproval() {
  void approve({ anew: true });
}

async function signOut() {
  await ask('DELETE', '/api/sessions/current').catch(() => undefined);
  byId('person-field').value = '';
  remember(nameKept, undefined);
  showPassword();
}
byId('not-you').addEventListener('click', () => whileBusy(byId('not-you'), signOut));
byId('sign-out').addEventListener('click', () => whileBusy(byId('sign-out'), signOut));

setInterval(showLeft, 1000);

try {
  await proceed(await ask('GET', '/api/sessions/current'));
} catch (problem) {
  showPassword(problem.status === 401 ? '' : problem.detail);
}
