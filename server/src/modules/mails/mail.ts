import type { EventRecord } from '../events/event-store.ts';
import type { UserRecord } from '../users/user-store.ts';
import { LANGUAGES, type LanguageName, languageFor } from './languages/languages.ts';
import { type Block, composeMail, type MailText } from './layout.ts';
import { type Circumstances, type Phrases, phrasesIn } from './phrases.ts';

/** The content of a mail. The subject is a constant, so that strangers cannot choose what an inbox shows. */
export interface Words {
  subject: string;
  blocks: readonly Block[];
}

/** The text of a mail in every language: a missing one does not compile. */
export type Texts<Values> = Record<LanguageName, (values: Values, phrases: Phrases) => Words>;

/** The recipient of a mail, the language (BCP 47; null: English), and the values in its text. */
export interface Letter<Values> {
  /** Null: nobody gets the mail. */
  to: string | null;
  locale: string | null;
  values: Values;
}

/** The event that a mail follows from, and who and what it concerns. */
export interface Occasion {
  event: EventRecord;
  /** The id of the event's target. */
  targetId: string;
  /** The user in whose history the event is; null if there is none any more. */
  owner(): Promise<UserRecord | null>;
  circumstances: Circumstances;
}

/**
 * A mail that follows from an event: its recipient and its text, in one place. `deps` is what the module passes to `Mails.add`.
 */
export interface Mail<Deps, Values> {
  /** The event types that it follows from. */
  on: readonly string[];
  /**
   * Distinguishes the mails of an event, also in waiting jobs. Mails of an event with the same name are alternatives: the first one with a
   * recipient is sent.
   */
  name: string;
  /** Whether this event causes the mail, as far as the event itself tells. Default: true. */
  when?(event: EventRecord): boolean;
  /** Called when the mail is sent, and again for a retry. Null: nobody gets it any more. */
  letter(occasion: Occasion, deps: Deps): Promise<Letter<Values> | null>;
  texts: Texts<Values>;
}

/** Composes a mail in the language of a locale (BCP 47), or in English if mails are not written in that language. */
export function writeMail<Values>(texts: Texts<Values>, locale: string | null, values: Values): MailText {
  const name = languageFor(locale);
  const { tag, colon } = LANGUAGES[name];
  return composeMail(texts[name](values, phrasesIn(name)), { language: tag, colon });
}
