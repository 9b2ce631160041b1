/** Why nothing, or nothing more, was written: what happened, what is safe, what to do next. Shown as it is. */
export class Refusal extends Error {}

/** Ended by the person at the terminal. */
export class Interrupted extends Refusal {}
