/**
 * Keeps the sign-in of an app that waits for its person to sign in here themselves: in this tab alone, and in no address
 * that a server would see.
 */
const keptName = 'nightjar.login';
/** Where the browser keeps nothing. */
let kept: string | null = null;

export function keepLogin(login: string): void {
  kept = login;
  try {
    sessionStorage.setItem(keptName, login);
  } catch {
    // Then it lasts as long as the page.
  }
}

export function hasKeptLogin(): boolean {
  return read() !== null;
}

/** Once: afterwards it is kept no more. */
export function takeKeptLogin(): string | null {
  const login = read();
  kept = null;
  try {
    sessionStorage.removeItem(keptName);
  } catch {
    // It was not there.
  }
  return login;
}

function read(): string | null {
  try {
    return sessionStorage.getItem(keptName) ?? kept;
  } catch {
    return kept;
  }
}
