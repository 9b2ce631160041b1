// Where the box answers, and which of its addresses works from where. Everything shown is text, never markup.
const card = document.getElementById('where');

/** What each kind of address is good for; the order is that in which they are shown. */
const kinds = {
  name: {
    title: 'By its name',
    text: 'Works in the home network on iPhone, iPad and Mac, Windows 10 and later, most Linux computers, and most Android phones from Android 12 on. It stays when the box’s address changes: keep this one.',
  },
  own: {
    title: 'By a name of your network',
    text: 'Works wherever your network’s own name server is asked.',
  },
  address: {
    title: 'By its address',
    text: 'Works on every device in the home network, until the router gives the box another address.',
  },
  localhost: {
    title: 'On the box itself',
    text: 'Works on the machine that the box runs on, and on no other.',
  },
};

/** The page at `host:port`, or undefined for what is no address. */
function urlOf(address) {
  return URL.canParse(`https://${address}/`) ? new URL(`https://${address}/`) : undefined;
}

function kindOf({ hostname }) {
  if (hostname === 'localhost') return 'localhost';
  if (hostname.endsWith('.local')) return 'name';
  return hostname.startsWith('[') || /^[0-9.]+$/.test(hostname) ? 'address' : 'own';
}

/** A link-local IPv6 address needs a zone that differs by device, and no browser takes one. */
function isForBrowsers({ hostname }) {
  return !hostname.startsWith('[fe80:');
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function thisPage() {
  const pill = element('span', 'pill', 'This page');
  pill.dataset.tone = 'safe';
  return pill;
}

function groupOf(kind, urls) {
  const group = element('div', 'group', '');
  group.append(element('h3', '', kinds[kind].title));
  for (const url of urls) {
    const line = element('p', 'address', '');
    const link = element('a', '', url.origin);
    link.href = url.origin;
    line.append(link);
    if (url.origin === location.origin) line.append(thisPage());
    group.append(line);
  }
  group.append(element('p', 'hint', kinds[kind].text));
  return group;
}

/**
 * Fills the card `#where`, or hides it when nothing is known. `addresses` are `host:port`s as the box or the link told
 * them, best first.
 */
export function showWhere(box, addresses) {
  const urls = addresses.map(urlOf).filter((url) => url !== undefined && isForBrowsers(url));
  card.hidden = urls.length === 0;
  document.getElementById('where-title').textContent = box ? `Where ${box} answers` : 'Where the box answers';
  document.getElementById('where-groups').replaceChildren(
    ...Object.keys(kinds).flatMap((kind) => {
      const ofKind = urls.filter((url) => kindOf(url) === kind);
      return ofKind.length === 0 ? [] : [groupOf(kind, ofKind)];
    }),
  );
  const here = urls.find(({ origin }) => origin === location.origin);
  document.getElementById('where-here').textContent = here ? openedBy[kindOf(here)] : '';
}

const openedBy = {
  name: 'You opened this page by the box’s name, so it works on this device.',
  own: 'You opened this page by a name of your network, so it works on this device.',
  address: 'You opened this page by the box’s address. Try its name: if that opens too, keep that one.',
  localhost: 'You opened this page on the box itself.',
};
