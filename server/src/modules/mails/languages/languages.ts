import { en } from './en.ts';
import type { Language } from './language.ts';
import { zh } from './zh.ts';

/** The languages that mails are written in, by their subtag (BCP 47). A new one is a file, a word here, and a text in each mail. */
export const LANGUAGES = { en, zh } satisfies Record<string, Language>;

export type LanguageName = keyof typeof LANGUAGES;

const FALLBACK = 'en';

/** The best match for a locale: by its language, whatever its script or country. */
export function languageFor(locale: string | null): LanguageName {
  const language = locale?.split('-')[0]?.toLowerCase() ?? '';
  return Object.hasOwn(LANGUAGES, language) ? (language as LanguageName) : FALLBACK;
}
