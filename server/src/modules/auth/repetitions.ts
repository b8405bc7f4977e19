import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isCommonPassword } from './common-passwords.ts';

/** Characters from which on a run is one: the same character again, and neighbours in an alphabet or on a keyboard. */
const SAME_RUN = 3;
const STEP_RUN = 4;
/** One of a hundred random passwords of eight characters has a run or repeats two of them, and is no worse for it. */
const BY_CHANCE = 2;
/** Maximum characters after a repetition that are no part of it: a year, `123`, `!`. */
const MAX_ORNAMENT = 4;
const LETTER = /\p{L}/u;

/** The package has no Cyrillic keyboard. */
const CYRILLIC_ROWS = ['йцукенгшщзхъ', 'фывапролджэ', 'ячсмитьбю'];

/** Whether `next` follows `key` in one direction. */
type Step = (key: string, next: string) => boolean;
let keyboardSteps: Step[] | undefined;

/**
 * Whether a password is short once a repetition counts as its unit, and a run along an alphabet or a keyboard as one character; or repeats a
 * common password. `required`: characters that must be left. Case makes no difference.
 */
export function isRepetitive(password: string, required: number): boolean {
  const text = password.normalize('NFKC').toLowerCase();
  if (weight(text) < required - BY_CHANCE) return true;
  return stemsOf(text).some((stem) => {
    const unit = repeatedUnit(stem);
    const once = unit + text.slice(stem.length);
    return unit !== stem && (weight(once) < required || isCommonPassword(unit) || isCommonPassword(once));
  });
}

/** The text, and the text without one to four digits or signs at its end. */
function stemsOf(text: string): string[] {
  const characters = Array.from(text);
  const stems = [text];
  for (let cut = 1; cut <= MAX_ORNAMENT && !LETTER.test(characters.at(-cut) ?? 'a'); cut += 1) {
    stems.push(characters.slice(0, -cut).join(''));
  }
  return stems;
}

/** What the text repeats at least once; the last character may lack, a separator (`qwerty qwerty`). The text itself if it repeats nothing. */
function repeatedUnit(text: string): string {
  for (let length = 1; 2 * length - 1 <= text.length; length += 1) {
    if (text.startsWith(text.slice(length))) return text.slice(0, length);
  }
  return text;
}

/** The number of characters, each run counted as one, and what repeats the characters before it not at all. */
function weight(text: string): number {
  const characters = Array.from(text);
  let count = 0;
  for (let start = 0; start < characters.length; ) {
    const repeated = repeatedFrom(characters, start);
    if (repeated === 0) count += 1;
    start += repeated || runFrom(characters, start);
  }
  return count;
}

/** How many characters from `start` on repeat as many before it, at least two; at the end, one may lack. 0: none. */
function repeatedFrom(characters: readonly string[], start: number): number {
  for (let length = 2; length <= start; length += 1) {
    const end = Math.min(start + length, characters.length);
    if (end - start < Math.max(2, length - 1)) return 0;
    let at = start;
    while (at < end && characters[at] === characters[at - length]) at += 1;
    if (at === end) return end - start;
  }
  return 0;
}

/** The length of the run that begins at `start`; 1 if none does. */
function runFrom(characters: readonly string[], start: number): number {
  const along = (step: Step): number => {
    let end = start + 1;
    while (end < characters.length && step(characters[end - 1] ?? '', characters[end] ?? '')) end += 1;
    return end - start;
  };
  const same = along((key, next) => key === next);
  if (same >= SAME_RUN) return same;
  keyboardSteps ??= loadKeyboards();
  const longest = Math.max(along(alphabet(1)), along(alphabet(-1)), ...keyboardSteps.map(along));
  return longest >= STEP_RUN ? longest : 1;
}

const alphabet =
  (step: number): Step =>
  (key, next) =>
    next.codePointAt(0) === (key.codePointAt(0) ?? 0) + step;

/** From @zxcvbn-ts/language-common: for each key its neighbours by direction, each as the key without and with shift. */
function loadKeyboards(): Step[] {
  const file = fileURLToPath(import.meta.resolve('@zxcvbn-ts/language-common/src/adjacencyGraphs.json'));
  const graphs: Record<string, (string | null)[]>[] = Object.values(JSON.parse(readFileSync(file, 'utf8')));
  const latin = graphs.flatMap((graph) => {
    const directions = Math.max(...Object.values(graph).map(({ length }) => length));
    return Array.from(
      { length: directions },
      (_, direction): Step =>
        (key, next) =>
          graph[key]?.[direction]?.includes(next) === true,
    );
  });
  const rows = CYRILLIC_ROWS.flatMap((row) => [row, Array.from(row).reverse().join('')]);
  return [
    ...latin,
    ...rows.map(
      (row): Step =>
        (key, next) =>
          row.includes(key + next),
    ),
  ];
}
