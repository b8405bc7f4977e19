import type { EventRecord } from '../events/event-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import { LANGUAGES, type LanguageName, languageFor } from './languages/languages.ts';
import { type Block, composeMail, type MailText } from './layout.ts';
import { type Circumstances, type Phrases, phrasesIn } from './phrases.ts';

/** What a mail says: a subject, which is a constant, and its blocks. Nobody but us writes what stands in an inbox. */
export interface Words {
  subject: string;
  blocks: readonly Block[];
}

/** One mail in every language: one that is missing does not compile. */
export type Texts<Values> = Record<LanguageName, (values: Values, phrases: Phrases) => Words>;

/** Who gets a mail, in which language (BCP 47; null: in English), and what stands in it. */
export interface Letter<Values> {
  /** Null: nobody. */
  to: string | null;
  locale: string | null;
  values: Values;
}

/** What a mail is about. */
export interface Occasion {
  event: EventRecord;
  /** The id of the event's target. */
  targetId: string;
  /** In whose history it is; null where they are gone. */
  owner(): Promise<UserRecord | null>;
  circumstances: Circumstances;
}

/**
 * A mail that follows from an event: who gets it and what it says, in one place. `deps` is what the module gives when it registers its
 * mails.
 */
export interface Mail<Deps, Values> {
  /** The types of event that it follows from. */
  on: readonly string[];
  /**
   * Tells several mails of an event apart; jobs that wait name it. Mails of an event that share a name are alternatives: the first that
   * somebody gets is sent.
   */
  name: string;
  /** Whether an event of these types means it at all, as far as the event itself tells. Default: each does. */
  when?(event: EventRecord): boolean;
  /** Asked when the mail is sent. Null: nobody gets it any more. May be asked again for the same event. */
  letter(occasion: Occasion, deps: Deps): Promise<Letter<Values> | null>;
  texts: Texts<Values>;
}

/** A mail in the language of a locale (BCP 47), or in English where we do not write it. */
export function writeMail<Values>(texts: Texts<Values>, locale: string | null, values: Values): MailText {
  const name = languageFor(locale);
  const { tag, colon } = LANGUAGES[name];
  return composeMail(texts[name](values, phrasesIn(name)), { language: tag, colon });
}
