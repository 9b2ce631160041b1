/** A reason to stop, as a sentence for the person at the terminal. Exit status 1: it failed; 2: it was asked wrongly. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
