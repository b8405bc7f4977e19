import { type Forgery, type Genuine, signedText } from './genuine.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The same bytes, or nearly, in other characters than the one canonical spelling (RFC 4648, 3.5 and 5). */
export function* spellings(g: Genuine): Generator<Forgery> {
  const parts = [g.head, g.body, g.signature];
  for (const [index, part] of parts.entries()) {
    for (const [what, spelt] of spellingsOf(part)) {
      if (spelt === part) continue;
      const altered = parts.with(index, spelt);
      yield [`part ${index} ${what}`, altered.join('.')];
      // The signature is of what stands there, so only the spelling itself is wrong.
      const [head = '', body = ''] = altered;
      if (index < 2) yield [`part ${index} ${what}, signed so`, signedText(g.privateKey, head, body)];
    }
  }
  const all = (change: (part: string) => string) => parts.map(change).join('.');
  yield ['in percent encoding', all(percent)];
  yield ['with encoded dots', parts.join('%2E')];
  yield ['with other dots', parts.join('\u00b7')];
  yield ['with colons', parts.join(':')];
  yield ['in lower case', g.token.toLowerCase()];
  yield ['in upper case', g.token.toUpperCase()];
  yield ['in quotes', `"${g.token}"`];
  yield ['in angle brackets', `<${g.token}>`];
  yield ['backwards', [...g.token].reverse().join('')];
}

/** The same for one text. */
export function* spellingsOf(part: string): Generator<Forgery> {
  const bytes = Buffer.from(part, 'base64url');
  const middle = part.length >> 1;
  const within = (text: string) => part.slice(0, middle) + text + part.slice(middle);
  for (const padding of ['=', '==', '===', '%3D']) yield [`with ${padding} behind`, part + padding];
  yield ['in the other alphabet', part.replaceAll('-', '+').replaceAll('_', '/')];
  yield ['in the other alphabet, padded', bytes.toString('base64')];
  yield ['in the other alphabet, one character', within('+')];
  for (const text of [' ', '\t', '\r', '\n', '\r\n', '\0', '\u00a0', '%20', '\u00ad', '.', ',', '!', '=']) {
    yield [`with ${JSON.stringify(text)} within`, within(text)];
    yield [`with ${JSON.stringify(text)} before`, text + part];
  }
  // Unused bits of the last character: several texts that lenient decoders take for the same bytes.
  for (const last of ALPHABET) {
    const other = part.slice(0, -1) + last;
    if (other !== part && Buffer.from(other, 'base64url').equals(bytes)) yield [`ending in ${last}`, other];
  }
  yield ['with a character behind', `${part}A`];
  yield ['in hexadecimal', bytes.toString('hex')];
  yield ['decoded', bytes.toString('latin1')];
  yield ['in percent encoding', percent(part)];
  yield ['encoded twice', Buffer.from(part).toString('base64url')];
}

function percent(text: string): string {
  return [...text].map((character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}
