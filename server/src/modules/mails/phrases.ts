import { LANGUAGES, type LanguageName } from './languages/languages.ts';
import { type Block, oneLine } from './layout.ts';

/** Where and with what something was done. `device` is a phrase for people ("Firefox on Linux"), chosen by the client. */
export interface Circumstances {
  at: Date;
  /** Empty: unknown. */
  ip: string;
  device: string | null;
  /** An ISO 3166-1 code, as the address tells it. Null: left out. */
  country?: string | null;
}

/** What the text of a mail is made of, besides its own words, in one language. */
export interface Phrases {
  /** Greets by name where it is one that may stand in a greeting. */
  hello(name?: string | null): Block;
  minutes(count: number): string;
  /** A moment, in UTC. */
  time(at: Date): string;
  day(at: Date): string;
  /** What somebody compares with what they did themselves. */
  happened(circumstances: Circumstances): Block;
  codeTerms(minutes: number): Block;
  codeUnasked: Block;
}

/** Code points of a name in a greeting. */
const NAME_LIMIT = 40;
/** Letters, and dots only as in "J. R.": mails reach people who never asked for one, so a name must hold no link and no sentence marks. */
const NAME = /^\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u;

const made = new Map<LanguageName, Phrases>();

/** The phrases of a language, made when its first mail is: their data would cost the start 7 MB and 50 ms. */
export function phrasesIn(name: LanguageName): Phrases {
  const phrases = made.get(name) ?? createPhrases(name);
  made.set(name, phrases);
  return phrases;
}

function createPhrases(name: LanguageName): Phrases {
  const { tag, greeting, minutes, codeTerms, codeUnasked, facts: named } = LANGUAGES[name];
  const moments = new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  const days = new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC' });
  const countries = new Intl.DisplayNames(tag, { type: 'region' });
  const time = (at: Date) => `${moments.format(at)} UTC`;
  const country = (code: string) => (/^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code);

  return {
    hello: (person) => ({ says: greeting(greetable(person)) }),
    minutes,
    time,
    day: (at) => days.format(at),
    happened: ({ at, ip, device, country: code = null }) => ({
      facts: [
        [named.time, time(at)],
        [named.device, device || named.unknown],
        [named.ip, ip || named.unknown],
        ...(code === null ? [] : [[named.country, country(code)] as const]),
      ],
    }),
    codeTerms: (count) => ({ says: codeTerms(count) }),
    codeUnasked: { says: codeUnasked },
  };
}

/** A name that may stand in a greeting, or null. */
function greetable(name: string | null | undefined): string | null {
  const line = oneLine(name ?? '');
  return NAME.test(line) && Array.from(line).length <= NAME_LIMIT ? line : null;
}
