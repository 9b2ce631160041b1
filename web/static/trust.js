// The page on plain http tries whether this device trusts the box by now, and goes on by itself when it does. It has no
// secret and asks for none: what it loads is one picture that says nothing.
const everyMs = 2_000;
/** Half an hour, in which somebody looks at the page. */
const roundsMax = 900;
/** So long the name may take after the address has worked: the name is the better one, since it stays. */
const nameGraceMs = 1_500;
const readMs = 900;

const main = document.querySelector('main');
const { named, asked } = main.dataset;
const choices = [...document.querySelectorAll('[name="system"]')];
let rounds = 0;
/** A new box is set up first. */
let claimed = true;
let gone = false;
/** Where a phone goes to join, and anything else to the box's first page. */
let path = '/';

const system = () => choices.find(({ checked }) => checked)?.value ?? 'computer';

function showWay() {
  document.querySelector('.of').textContent = system() === 'ios' ? '4' : '3';
  path = system() === 'computer' || !claimed ? '/' : '/pair';
  for (const [name, origin] of Object.entries({ done: named, named, asked })) {
    for (const link of document.querySelectorAll(`.${name}`)) link.href = `${origin}${path}`;
  }
}

/** Resolves with true when the picture came: the certificate is trusted, and the host is found. */
function loads(origin) {
  return new Promise((resolve) => {
    const picture = new Image();
    picture.onload = () => resolve(true);
    picture.onerror = () => resolve(false);
    picture.src = `${origin}/static/probe.svg?${Date.now()}`;
  });
}

function goTo(origin) {
  if (gone) return;
  gone = true;
  document.querySelector('.waiting').classList.add('works');
  document.querySelector('.said').textContent = 'It works';
  // Long enough to be read, and to be read out.
  setTimeout(() => location.assign(`${origin}${path}`), readMs);
}

async function look() {
  const byName = loads(named);
  const byAddress = loads(asked);
  void byName.then((works) => works && goTo(named));
  if (!(await byAddress)) return;
  const grace = new Promise((resolve) => setTimeout(() => resolve(false), nameGraceMs));
  if (!(await Promise.race([byName, grace]))) goTo(asked);
}

let looking = false;
setInterval(() => {
  if (gone || looking || document.hidden || rounds >= roundsMax) return;
  rounds += 1;
  looking = true;
  void look().finally(() => {
    looking = false;
  });
}, everyMs);

fetch('/api/health')
  .then(async (reply) => {
    claimed = (await reply.json()).setUp !== false;
    showWay();
  })
  // Then the way is the usual one.
  .catch(() => undefined);

// An iPad says that it is a Mac; no Mac has a touch screen.
if (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1) {
  for (const one of choices) one.checked = one.value === 'ios';
}
for (const one of choices) one.addEventListener('change', showWay);
document.documentElement.classList.add('scripted');
showWay();
void look();
