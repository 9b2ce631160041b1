/** What this browser remembers between sign-ins: a name, and by which way it went last. A browser may keep nothing. */
const names = { person: 'nightjar.person', way: 'nightjar.way', approval: 'nightjar.approval' } as const;

function read(storage: () => Storage, name: string): string | undefined {
  try {
    return storage().getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(storage: () => Storage, name: string, value: string | undefined): void {
  try {
    if (value === undefined) storage().removeItem(name);
    else storage().setItem(name, value);
  } catch {
    // Then everything is asked for again.
  }
}

const lasting = () => localStorage;
const ofThisTab = () => sessionStorage;

export const keptPerson = () => read(lasting, names.person);
export const keepPerson = (name: string | undefined) => write(lasting, names.person, name);
export const keptWay = () => read(lasting, names.way);
export const keepWay = (way: string) => write(lasting, names.way, way);
export const keptApproval = () => read(ofThisTab, names.approval);
export const keepApproval = (text: string | undefined) => write(ofThisTab, names.approval, text);
