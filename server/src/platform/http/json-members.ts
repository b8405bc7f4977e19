const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPENS_LIST = 0x5b;
const OPENS_OBJECT = 0x7b;
const CLOSES_LIST = 0x5d;
const CLOSES_OBJECT = 0x7d;

/** Maximum levels of arrays and objects in a body; what people send has a handful. */
export const DEEPEST = 64;

/**
 * Whether text that is to be read as JSON opens more levels than that. Deep nesting makes whatever reads it slow, or exhausts the
 * stack; so this runs first, on text that may be anything, and stops at the level too many.
 */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (unit === CLOSES_LIST || unit === CLOSES_OBJECT) depth -= 1;
    else if (unit === OPENS_LIST || unit === OPENS_OBJECT) {
      depth += 1;
      if (depth > DEEPEST) return true;
    }
  }
  return false;
}

/**
 * Whether an object in this JSON has two members of one name, which RFC 7493 (2.3) forbids: parsers differ in which one they take, so
 * that an intermediary may have seen another value. `value` is the parsed `text`, which then has fewer members.
 */
export function namesMemberTwice(text: string, value: unknown): boolean {
  const written = membersWritten(text);
  return written > 0 && written !== membersIn(value);
}

/** A colon outside a string follows each name, and occurs nowhere else. */
function membersWritten(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COLON) count += 1;
    else if (unit === QUOTE) at = endOfString(text, at);
  }
  return count;
}

/** The next quote after an even number of backslashes; the end of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
}

function membersIn(value: unknown): number {
  let count = 0;
  const left = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const inside: unknown[] = Array.isArray(next) ? next : Object.values(next as object);
    if (inside !== next) count += inside.length;
    for (const one of inside) if (typeof one === 'object' && one !== null) left.push(one);
  }
  return count;
}
