/**
 * Who is asking. A value that a handler is given and cannot make: `identify` (in the composition root) is the only
 * place that decides it, and a route's declared access level says which of these its handler can meet.
 */
export type PhoneCaller = Readonly<{ kind: 'phone'; phoneId: string; personId: string; phoneName: string }>;
/** A backup app that came with a phone's password for apps: it sees that phone's own names, and nothing of the API. */
export type AppCaller = Readonly<{
  kind: 'app';
  phoneId: string;
  personId: string;
  phoneName: string;
  /** By which it can end itself. */
  connectionId: number;
}>;
export type PersonCaller = Readonly<{ kind: 'person'; personId: string; role: 'owner' | 'member'; sessionId: string }>;
/**
 * A person whose session is not open yet: the password was right, and something is still due. `stage` says what is asked
 * for next: the second factor, a new password (the old one has run out), or enrolling a second factor (by policy).
 * `locked`: the session was open, and was left alone for longer than the policy allows; the password opens it again.
 */
export type HalfwayCaller = Readonly<{
  kind: 'halfway';
  personId: string;
  role: 'owner' | 'member';
  sessionId: string;
  stage: 'second-factor' | 'new-password' | 'enrol' | 'locked';
}>;
/** The box's own console: whoever can open the unix socket in the state folder. */
export type ConsoleCaller = Readonly<{ kind: 'console' }>;
type Nobody = Readonly<{ kind: 'nobody' }>;
export type Caller = PhoneCaller | AppCaller | PersonCaller | HalfwayCaller | ConsoleCaller | Nobody;

/** The access levels that a route can declare, and the callers that each lets through. */
export type AccessCallers = {
  /** Everyone. The caller is told apart where it matters. */
  public: Caller;
  /** A person on the way in, or one who is in. */
  halfway: HalfwayCaller | PersonCaller;
  /** A paired phone. */
  phone: PhoneCaller;
  /** A backup app with a phone's password for apps (Basic). */
  app: AppCaller;
  /** A paired phone or a signed-in person: both read that person's library only. */
  'phone-or-person': PhoneCaller | PersonCaller;
  /** A signed-in person, for what is theirs alone: neither a phone nor the console may do it for them. */
  'signed-in': PersonCaller;
  /** A signed-in person, or the console. */
  person: PersonCaller | ConsoleCaller;
  /** The owner, or the console. */
  owner: PersonCaller | ConsoleCaller;
  /** The console alone: what only somebody at the box itself may do. */
  console: ConsoleCaller;
};
export type AccessLevel = keyof AccessCallers;

/** Says whether `caller` may use a route of this level. */
export function admits(level: AccessLevel, caller: Caller): boolean {
  switch (level) {
    case 'public':
      return true;
    case 'halfway':
      return caller.kind === 'halfway' || caller.kind === 'person';
    case 'phone':
      return caller.kind === 'phone';
    case 'app':
      return caller.kind === 'app';
    case 'phone-or-person':
      return caller.kind === 'phone' || caller.kind === 'person';
    case 'signed-in':
      return caller.kind === 'person';
    case 'person':
      return caller.kind === 'person' || caller.kind === 'console';
    case 'console':
      return caller.kind === 'console';
    case 'owner':
      return caller.kind === 'console' || (caller.kind === 'person' && caller.role === 'owner');
  }
}
