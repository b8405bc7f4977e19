/** The words that all mails of a language share. */
export interface Language {
  /** BCP 47; also the locale of times and country names. */
  tag: string;
  /** Stands between the name of a fact and its value. */
  colon: string;
  /** Null: without a name. */
  greeting(name: string | null): string;
  /** A number of minutes. */
  minutes(count: number): string;
  /** How long a code is valid, and how it is used. */
  codeTerms(minutes: number): string;
  /** Leads to the code below it, for readers whose link does not open the form. */
  codeInstead(page: string): string;
  /** For readers who did not ask for a code. */
  codeUnasked: string;
  /** The names of facts. */
  facts: { time: string; device: string; ip: string; country: string; unknown: string };
}
