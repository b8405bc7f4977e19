import { en } from './en.ts';
import type { MailTexts } from './mail-texts.ts';
import { zh } from './zh.ts';

/** The languages that mails are written in, by their subtag (BCP 47). A new one is a file, and a word here. */
export const LANGUAGES = { en, zh } satisfies Record<string, MailTexts>;

const FALLBACK = LANGUAGES.en;

/** The best match for a locale: by its language, whatever its script or country. */
export function textsFor(locale: string | null): MailTexts {
  const language = locale?.split('-')[0]?.toLowerCase() ?? '';
  return Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language as keyof typeof LANGUAGES] : FALLBACK;
}
