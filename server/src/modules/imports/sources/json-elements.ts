/** Characters of one element; a person has some hundreds. */
const ELEMENT_LIMIT = 1_000_000;

/**
 * The texts of the objects in a JSON array, without holding the array: in the outermost one, or in the property `key` of the outermost object.
 * Yields null where the text ends too early or an element is endless.
 */
export async function* jsonElements(chunks: AsyncIterable<string>, key: string | null): AsyncGenerator<string | null> {
  const inside = key === null ? 1 : 2;
  let depth = 0;
  let isIn = false;
  let isText = false;
  let isEscaped = false;
  let text = '';
  let property = '';
  let element: string | null = null;

  for await (const chunk of chunks) {
    /** Where the part of the element begins that is in this chunk. */
    let from: number = element === null ? -1 : 0;
    for (let i = 0; i < chunk.length; i++) {
      const sign = chunk[i] ?? '';
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (sign === '\\') isEscaped = true;
        else if (sign === '"') isText = false;
        else if (depth === 1 && text.length < 100) text += sign;
      } else if (sign === '"') [isText, text] = [true, ''];
      else if (sign === ':' && depth === 1) property = text;
      else if (sign === '{' || sign === '[') {
        if (isIn && depth === inside && sign === '{') [element, from] = ['', i];
        depth += 1;
        if (sign === '[' && depth === inside && (key === null || property === key)) isIn = true;
      } else if (sign === '}' || sign === ']') {
        depth -= 1;
        if (element !== null && depth === inside) {
          yield element + chunk.slice(from, i + 1);
          [element, from] = [null, -1];
        }
        if (depth < inside) isIn = false;
      }
    }
    if (element !== null) element += chunk.slice(Math.max(from, 0));
    if ((element?.length ?? 0) > ELEMENT_LIMIT) break;
  }
  if (depth > 0) yield null;
}
