import { type Html, html, toMarkup } from '../../platform/html.ts';

/** A composed mail, without its recipient and key. */
export interface MailText {
  subject: string;
  text: string;
  html: string;
}

/** One block of a mail: words, a code to type, a link to follow, or facts to compare. */
export type Block =
  | { says: string }
  | { code: string }
  | { link: string; label: string }
  | { facts: readonly (readonly [string, string])[] };

/** Maximum number of characters of a fact, which a stranger may have chosen, such as a device. */
const FACT_LIMIT = 100;

/** Characters. */
const SHORT_CODE = 8;

/** The conventions of a language. */
export interface Manner {
  /** BCP 47. */
  language: string;
  /** Stands between the name of a fact and its value. */
  colon: string;
}

/** Builds both parts of a mail from the same blocks. The subject is a constant, so that strangers cannot choose what an inbox shows. */
export function composeMail(
  { subject, blocks }: { subject: string; blocks: readonly Block[] },
  { language, colon }: Manner,
): MailText {
  const text = blocks.map((block) => asText(block, colon)).join('\n\n');
  return { subject, text: `${text}\n`, html: toMarkup(asHtml(subject, blocks, language)) };
}

/** One line without control, bidi or other invisible characters, cut to `FACT_LIMIT`: a stranger's text cannot imitate the mail's own. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim();
  return Array.from(line).slice(0, FACT_LIMIT).join('');
}

function asText(block: Block, colon: string): string {
  if ('says' in block) return block.says;
  if ('code' in block) return `    ${block.code}`;
  if ('link' in block) return block.link;
  return block.facts.map(([name, value]) => `  ${name}${colon}${oneLine(value)}`).join('\n');
}

const FONT = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif';

function asHtml(subject: string, blocks: readonly Block[], language: string): Html {
  return html`<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${subject}</title></head>
<body style="margin:0;padding:24px 12px;background:#f8fbfa;color:#162022;${FONT};font-size:16px;line-height:1.5">
<div style="max-width:480px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #dbe1e0;border-radius:12px">
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.3">${subject}</h1>
${blocks.map(blockAsHtml)}</div>
</body>
</html>
`;
}

function blockAsHtml(block: Block): Html {
  if ('says' in block) return html`<p style="margin:0 0 16px">${block.says}</p>\n`;
  if ('code' in block) {
    // A long code must fit on one line of a phone.
    const size =
      block.code.length > SHORT_CODE ? 'font-size:20px;letter-spacing:1px' : 'font-size:32px;letter-spacing:6px';
    return html`<p style="margin:0 0 16px;${size};font-weight:700;font-family:monospace">${block.code}</p>\n`;
  }
  if ('link' in block) {
    return html`<p style="margin:0 0 16px"><a href="${block.link}" style="display:inline-block;padding:10px 20px;background:#0a6a65;color:#ffffff;border-radius:6px;text-decoration:none;font-weight:600">${block.label}</a></p>
<p style="margin:0 0 16px;font-size:14px;color:#515f61;word-break:break-all">${block.link}</p>\n`;
  }
  const rows = block.facts.map(
    ([name, value]) =>
      html`<tr><td style="padding:0 16px 4px 0;color:#515f61;vertical-align:top">${name}</td><td style="padding:0 0 4px">${oneLine(value)}</td></tr>`,
  );
  return html`<table role="presentation" style="margin:0 0 16px;border-collapse:collapse;font-size:16px">${rows}</table>\n`;
}
