// The status page: asks the box how it is, and says it in one sentence. Everything shown is text, never markup.
const askEveryMs = 30_000;
const answerMsMax = 10_000;
const byId = (id) => document.getElementById(id);

let lastHeardAt;

async function ask(path) {
  const reply = await fetch(path, { signal: AbortSignal.timeout(answerMsMax), cache: 'no-store' });
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  return reply.json();
}

function verdictOf(claimed, disk) {
  if (!claimed) {
    return {
      calm: true,
      headline: 'This box has no owner yet.',
      lead: 'Claim it with its setup code. It takes about a minute, and then the first phone can pair.',
    };
  }
  if (disk === 'missing') {
    return {
      calm: false,
      headline: 'The disk is missing.',
      lead: 'What is on it stays on it, and nothing is written anywhere else meanwhile. Put it back, and the box goes on by itself.',
    };
  }
  if (disk === 'none') {
    return {
      calm: false,
      headline: 'The box has no disk.',
      lead: 'It takes no photos until it has one. Name a folder or a mounted disk in NIGHTJAR_DISK_DIR and start it again.',
    };
  }
  return { calm: true, headline: 'The box is ready.', lead: 'Its disk is in place, and phones can send.' };
}

const diskWords = { ok: ['In place', 'safe'], missing: ['Missing', 'act'], none: ['None', 'act'] };

function setText(id, text) {
  const element = byId(id);
  // Only changes are said aloud.
  if (element.textContent !== text) element.textContent = text;
}

function setPill(id, [text, tone]) {
  setText(id, text);
  byId(id).dataset.tone = tone;
}

function show(health, claimed) {
  const { calm, headline, lead } = verdictOf(claimed, health.disk);
  byId('verdict').classList.toggle('sky', calm);
  setText('headline', headline);
  setText('lead', lead);
  setText('box', health.box);
  setText('version', health.version);
  setPill('owner', claimed ? ['Has an owner', 'safe'] : ['Not yet', 'quiet']);
  // Before the claim no disk is adopted, and that is as it should be.
  const disk = !claimed && health.disk === 'none' ? ['Not yet', 'quiet'] : diskWords[health.disk];
  setPill('disk', disk ?? [String(health.disk), 'watch']);
  document.title = `${headline} ${health.box}`;
  byId('facts').hidden = false;
  byId('set-up').hidden = claimed;
  // First things first: without its disk the box can take nothing from a new phone.
  byId('pair').hidden = !claimed || health.disk !== 'ok';
  byId('stale').hidden = true;
}

function showSilence() {
  const at = lastHeardAt?.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  byId('stale').hidden = false;
  setText('stale', at ? `The box does not answer. This is what it said at ${at}.` : 'The box does not answer.');
  if (at) return;
  setText('headline', 'The box does not answer.');
  setText('lead', 'It may be starting. This page asks again by itself.');
  byId('stale').hidden = true;
}

async function refresh() {
  try {
    const [health, setup] = await Promise.all([ask('/api/health'), ask('/api/setup')]);
    lastHeardAt = new Date();
    show(health, setup.claimed);
  } catch {
    showSilence();
  }
}

await refresh();
setInterval(() => {
  if (!document.hidden) void refresh();
}, askEveryMs);
