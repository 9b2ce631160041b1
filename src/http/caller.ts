/**
 * Who is asking. A value that a handler is given and cannot make: `identify` (in the composition root) is the only
 * place that decides it, and a route's declared access level says which of these its handler can meet.
 */
export type PhoneCaller = Readonly<{ kind: 'phone'; phoneId: string; personId: string; phoneName: string }>;
export type PersonCaller = Readonly<{ kind: 'person'; personId: string; role: 'owner' | 'member'; sessionId: string }>;
/** The box's own console: whoever can open the unix socket in the state folder. */
export type ConsoleCaller = Readonly<{ kind: 'console' }>;
type Nobody = Readonly<{ kind: 'nobody' }>;
export type Caller = PhoneCaller | PersonCaller | ConsoleCaller | Nobody;

/** The access levels that a route can declare, and the callers that each lets through. */
export type AccessCallers = {
  /** Everyone. The caller is told apart where it matters. */
  public: Caller;
  /** A paired phone. */
  phone: PhoneCaller;
  /** A paired phone or a signed-in person: both read that person's library only. */
  'phone-or-person': PhoneCaller | PersonCaller;
  /** A signed-in person, for what is theirs alone: neither a phone nor the console may do it for them. */
  'signed-in': PersonCaller;
  /** A signed-in person, or the console. */
  person: PersonCaller | ConsoleCaller;
  /** The owner, or the console. */
  owner: PersonCaller | ConsoleCaller;
};
export type AccessLevel = keyof AccessCallers;

/** Says whether `caller` may use a route of this level. */
export function admits(level: AccessLevel, caller: Caller): boolean {
  switch (level) {
    case 'public':
      return true;
    case 'phone':
      return caller.kind === 'phone';
    case 'phone-or-person':
      return caller.kind === 'phone' || caller.kind === 'person';
    case 'signed-in':
      return caller.kind === 'person';
    case 'person':
      return caller.kind === 'person' || caller.kind === 'console';
    case 'owner':
      return caller.kind === 'console' || (caller.kind === 'person' && caller.role === 'owner');
  }
}
