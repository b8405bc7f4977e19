const MARKUP = Symbol('markup');

/** Text that is HTML already: made by `html` only, so that nothing a client sent can pass for it. */
export interface Html {
  readonly [MARKUP]: string;
}

type Part = string | number | Html | readonly Html[] | null;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as it may stand between tags and in quoted attributes; not in scripts, styles or unquoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Template tag: what is put in is escaped, unless it is `Html` itself. Null leaves nothing. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Html {
  const written = texts.map((text, index) => text + (index < parts.length ? write(parts[index] ?? null) : ''));
  return { [MARKUP]: written.join('') };
}

/** Takes text as HTML without a look at it: for constants of our own only, such as styles and scripts. */
export function trustedHtml(markup: string): Html {
  return { [MARKUP]: markup };
}

export function toMarkup(value: Html): string {
  return value[MARKUP];
}

function write(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'length' in part ? part.map(toMarkup).join('') : toMarkup(part);
}
