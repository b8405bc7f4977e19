const MARKUP = Symbol('markup');

/** Text that is already HTML. Only `html` makes it, so that nothing that a client sent can pass for it. */
export interface Html {
  readonly [MARKUP]: string;
}

type Part = string | number | Html | readonly Html[] | null;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes text for content and quoted attributes; not for scripts, styles or unquoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Template tag that escapes every value except `Html`: html`<p>${name}</p>`. Null inserts nothing. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Html {
  const written = texts.map((text, index) => text + (index < parts.length ? write(parts[index] ?? null) : ''));
  return { [MARKUP]: written.join('') };
}

/** Marks text as HTML without escaping it: only for our own constants, such as styles and scripts. */
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
