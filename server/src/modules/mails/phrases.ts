import { LANGUAGES, type LanguageName } from './languages/languages.ts';
import { type Block, oneLine } from './layout.ts';

/** When, from where and with which device something was done. `device`: a phrase ("Firefox on Linux"), which the client can choose. */
export interface Circumstances {
  at: Date;
  /** Empty: unknown. */
  ip: string;
  device: string | null;
  /** The ISO 3166-1 code of the address's country; null: not shown. */
  country?: string | null;
}

/** The phrases that mails share, in one language. */
export interface Phrases {
  /** Greets by name, if the name is safe in a greeting. */
  hello(name?: string | null): Block;
  minutes(count: number): string;
  /** A moment, in UTC. */
  time(at: Date): string;
  day(at: Date): string;
  /** Facts that the reader can compare with what they did. */
  happened(circumstances: Circumstances): Block;
  codeTerms(minutes: number): Block;
  codeInstead(page: string): Block;
  codeUnasked: Block;
}

/** Maximum number of code points of a name in a greeting. */
const NAME_LIMIT = 40;
/** Letters, and dots only as in "J. R.": strangers can cause a mail to anybody, so the name must not contain a link or a sentence. */
const NAME = /^\p{L}(?:[\p{L}\p{M}'’ -]|\.(?= |$))*$/u;

const made = new Map<LanguageName, Phrases>();

/** The phrases of a language, created with its first mail: loading the data at the start would cost 7 MB and 50 ms. */
export function phrasesIn(name: LanguageName): Phrases {
  const phrases = made.get(name) ?? createPhrases(name);
  made.set(name, phrases);
  return phrases;
}

function createPhrases(name: LanguageName): Phrases {
  const { tag, greeting, minutes, codeTerms, codeInstead, codeUnasked, facts: named } = LANGUAGES[name];
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
    codeInstead: (page) => ({ says: codeInstead(page) }),
    codeUnasked: { says: codeUnasked },
  };
}

/** The name if it is safe in a greeting, or null. */
function greetable(name: string | null | undefined): string | null {
  const line = oneLine(name ?? '');
  return NAME.test(line) && Array.from(line).length <= NAME_LIMIT ? line : null;
}
