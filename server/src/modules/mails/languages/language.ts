/** What mails of a language have in common. */
export interface Language {
  /** BCP 47; also what times and countries are written in. */
  tag: string;
  /** Between the name of a fact and the fact. */
  colon: string;
  /** Null: without a name. */
  greeting(name: string | null): string;
  /** A number of minutes. */
  minutes(count: number): string;
  /** What holds for every code that is typed. */
  codeTerms(minutes: number): string;
  /** For whoever did not ask for a code. */
  codeUnasked: string;
  /** The names of facts. */
  facts: { time: string; device: string; ip: string; country: string; unknown: string };
}
