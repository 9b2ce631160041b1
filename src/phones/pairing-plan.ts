/**
 * What a pairing is to make, decided when it is opened: whose phone, of which name, in which folder, in whose place.
 */
import type { Access, Person } from '../access/access.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { baseFolder } from './base-folder.ts';
import type { AskedPairing } from './pairing-views.ts';
import { seesAll } from './phone-list.ts';
import type { PhoneRow, PhonesStore } from './store.ts';

type Deps = Readonly<{
  store: PhonesStore;
  access: Pick<Access, 'person' | 'personByName'>;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
}>;
/** `phone` empty: the phone names itself. */
export type PlannedPairing = Readonly<{ person: Person; phone: string; folder: string; replaces?: PhoneRow }>;

const nameCharactersMax = 55;

/** @throws {CodedError} `invalid-name`, `invalid-request`, `not-found`, `forbidden`, `confirm-first` */
export function planPairing(deps: Deps, caller: PersonCaller | ConsoleCaller, asked: AskedPairing): PlannedPairing {
  if (asked.replaces === undefined) {
    const person = personFor(deps, caller, asked.person);
    return {
      person,
      phone: asked.phone === undefined ? '' : displayName(asked.phone, 'a phone'),
      folder: baseFolder(asked.baseFolder, person.folder),
    };
  }
  const replaces = deps.store.livingPhone(asked.replaces);
  if (replaces === undefined || (!seesAll(caller) && replaces.person_id !== caller.personId)) {
    throw new CodedError(
      'not-found',
      'There is no such phone on this box, or it was revoked before. Nothing was paired.',
    );
  }
  // The old phone's end and the new one's rights are as much as a change of the second factor.
  if (caller.kind === 'person') deps.requireConfirmed(caller);
  return {
    person: livingPerson(deps, replaces.person_id),
    phone: asked.phone === undefined ? replaces.name : displayName(asked.phone, 'a phone'),
    folder: replaces.base_folder,
    replaces,
  };
}

/** For a phone that nobody named, neither who opened the pairing nor the phone. */
export function nameForPhoneOf(person: Pick<Person, 'name'>): string {
  return `${[...person.name].slice(0, nameCharactersMax).join('')}’s phone`;
}

/** @throws {CodedError} `pairing-expired` */
export function livingPerson({ access }: Pick<Deps, 'access'>, id: string): Person {
  const person = access.person(id);
  if (person === undefined) {
    throw new CodedError('pairing-expired', 'The person this was for is no longer on the box. Nothing was paired.');
  }
  return person;
}

function personFor(deps: Deps, caller: PersonCaller | ConsoleCaller, name: string | undefined): Person {
  if (name === undefined) {
    if (caller.kind === 'console') {
      throw new CodedError('invalid-request', 'Say whose phone it is. Nothing was paired.');
    }
    return livingPerson(deps, caller.personId);
  }
  const person = deps.access.personByName(name);
  if (!seesAll(caller) && person?.id !== caller.personId) {
    throw new CodedError('forbidden', 'Only the owner pairs phones of other people. Nothing was paired.');
  }
  if (person === undefined) {
    throw new CodedError('not-found', `Nobody on this box is called “${name}”. Nothing was paired; add them first.`);
  }
  return person;
}
