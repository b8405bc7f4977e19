import { en } from './en.ts';
import type { Language } from './language.ts';
import { zh } from './zh.ts';

/** The languages of mails, by subtag (BCP 47). A new one needs a file, an entry here, and a text in each mail. */
export const LANGUAGES = { en, zh } satisfies Record<string, Language>;

export type LanguageName = keyof typeof LANGUAGES;

const FALLBACK = 'en';

/** The language of a locale (BCP 47), whatever its script or country; English if mails are not written in it. */
export function languageFor(locale: string | null): LanguageName {
  const language = locale?.split('-')[0]?.toLowerCase() ?? '';
  return Object.hasOwn(LANGUAGES, language) ? (language as LanguageName) : FALLBACK;
}
