/** A proof is refused: the check that failed, and what was wrong. It never leaves the front door of a verifier, which returns it as a value. */
export class Refused extends Error {
  readonly check: string;
  readonly detail: string;

  constructor(check: string, detail: string) {
    super(`${check}: ${detail}`);
    this.name = 'Refused';
    this.check = check;
    this.detail = detail;
  }
}
