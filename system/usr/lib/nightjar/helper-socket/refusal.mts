/** What a helper says when it does not do what was asked: a word for the program that asked, a sentence for a person. */
export class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
