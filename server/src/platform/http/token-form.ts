/** How tokens of one kind look: what they are told apart by, before any is verified. */
export interface TokenForm {
  /** For the error at start, such as `access token`. */
  name: string;
  /** Whether a text has this form. Looks at nothing but the text. */
  matches(token: string): boolean;
  /** A text of this form that no server has issued. */
  sample: string;
}

/**
 * Throws a TypeError if a token of one form would be read as another: what a client keeps in one place must never serve in a second one.
 * `demandDisjoint([accessTokenForm, apiKeyForm])`.
 */
export function demandDisjoint(forms: readonly TokenForm[]): void {
  for (const { name, matches, sample } of forms) {
    if (!matches(sample)) throw new TypeError(`The sample of the form "${name}" does not have this form.`);
  }
  for (const [i, form] of forms.entries()) {
    const other = forms.find((each, j) => j !== i && each.matches(form.sample));
    if (other !== undefined)
      throw new TypeError(`A token of the form "${form.name}" also has the form "${other.name}".`);
  }
}
