// Choosing a password by an invitation. Its secret comes in the fragment, which no browser sends, and goes to the box in a
// POST body. Looking does not use it up; only setting the password does. Everything shown is text, never markup.
const answerMsMax = 30_000;
const sections = ['asking', 'code', 'choosing', 'joined', 'over'];
const byId = (id) => document.getElementById(id);

let secret = '';
let busy = false;

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
    throw { code: 'silent', detail: 'The box does not answer. Are you in the home network? Try again.' };
  }
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw { code: answer.code, detail: answer.detail ?? `The box answered with status ${reply.status}.` };
  return answer;
}

function show(section) {
  for (const id of sections) byId(id).hidden = id !== section;
  const title = byId(section).querySelector('h1');
  document.title = title.textContent;
  title.focus();
}

function setError(id, text) {
  byId(id).hidden = text === '';
  byId(id).textContent = text;
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

const isOver = ({ code }) => typeof code === 'string' && code.startsWith('invitation-');

async function look() {
  try {
    const { person, kind, box } = await post('/api/invitations/look', { secret });
    byId('box').textContent = box;
    byId('username').value = person;
    byId('whose').textContent = kind === 'join' ? `Welcome, ${person}` : `A new password for ${person}`;
    byId('why').textContent =
      kind === 'join'
        ? 'Choose the password with which you sign in here. Your photos are yours alone.'
        : 'You are signed out everywhere when it is set. A second factor is asked for as before.';
    show('choosing');
    byId('password').focus();
  } catch (problem) {
    if (!isOver(problem)) return showOver('That did not work.', problem.detail);
    showOver('This invitation does not work.', problem.detail);
  }
}

function showOver(title, text) {
  byId('over-title').textContent = title;
  byId('over-text').textContent = text;
  show('over');
}

byId('code-form').addEventListener('submit', (event) => {
  event.preventDefault();
  secret = byId('code-field').value.trim();
  if (secret === '') return setError('code-error', 'The code is empty.');
  setError('code-error', '');
  void look();
});

byId('shown').addEventListener('change', (event) => {
  const type = event.target.checked ? 'text' : 'password';
  for (const id of ['password', 'again']) byId(id).type = type;
});

byId('password-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const password = byId('password').value;
  if (password !== byId('again').value) return setError('password-error', 'The two differ. Type the same twice.');
  setError('password-error', '');
  void whileBusy(byId('password-form').querySelector('button'), async () => {
    try {
      const { person, stage } = await post('/api/invitations/redeem', { secret, password });
      // The secret is spent: it need not stay in the address and the history.
      history.replaceState(null, '', '/join');
      byId('password').value = '';
      byId('again').value = '';
      byId('joined-title').textContent = `${person.name}, your password is set`;
      byId('joined-text').textContent =
        stage === 'open'
          ? 'You are signed in on this browser.'
          : 'One step is left: your second factor. Sign in to go on.';
      show('joined');
    } catch (problem) {
      if (isOver(problem)) showOver('This invitation does not work.', problem.detail);
      else setError('password-error', problem.detail);
    }
  });
});

byId('other').addEventListener('click', () => {
  history.replaceState(null, '', '/join');
  show('code');
  byId('code-field').focus();
});

function start() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  byId('box').textContent = fragment.get('n') ?? '';
  secret = fragment.get('s') ?? '';
  if (secret === '') {
    show('code');
    return;
  }
  void look();
}

addEventListener('hashchange', start);
start();
