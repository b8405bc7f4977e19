/** Digits and signs that people write instead of letters. `i`, `l`, `1`, `!` and `|` become one letter, so that each matches all. */
const LOOKS_LIKE: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '!': 'i',
  '|': 'i',
  l: 'i',
  '3': 'e',
  '4': 'a',
  '@': 'a',
  '5': 's',
  $: 's',
  '7': 't',
  '+': 't',
};
const REPLACED = /[01!|l34@5$7+]/g;

/**
 * The form in which passwords are compared with words: lower case, without accents, look-alikes as one letter. Both sides of a comparison
 * must be in it. It merges what people see as variants of one word (`P@ssw0rd`, `pássword`) and is not for display or storage.
 */
export function comparable(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(REPLACED, (character) => LOOKS_LIKE[character] ?? character);
}
