const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Whether an object in this JSON has two members of one name, which RFC 7493 (2.3) forbids: parsers differ in which one they take, so
 * that an intermediary may have seen another value. `value` is the parsed `text`, which then has fewer members.
 */
export function namesMemberTwice(text: string, value: unknown): boolean {
  return membersWritten(text) !== membersIn(value);
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

/** The next quote after an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1);
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
}

/** Without recursion: deep nesting must not exhaust the stack. */
function membersIn(value: unknown): number {
  let count = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    const inside: unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (inside !== next) count += inside.length;
    for (const one of inside) left.push(one);
  }
  return count;
}
