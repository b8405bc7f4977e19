import { isLine, isParagraph, toPhone, toWebAddress, trimText } from '../typed-text.ts';

interface TextFormat {
  validate(text: string): boolean;
  /** What a fault says, a sentence. */
  says: string;
}

const LINE = 'This must be one line without invisible characters or characters that change the direction of text';

/** RFC 3339, without leap seconds, which a `Date` cannot represent. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** Times that every database can compare. */
const FIRST = Date.UTC(1000);
const AFTER_LAST = Date.UTC(10_000);

/** Our own formats of texts, for `format` in schemas: a pattern would be shown to people, and few of them read one. */
export const TEXT_FORMATS: Readonly<Record<string, TextFormat>> = {
  line: { validate: isLine, says: `${LINE}.` },
  name: { validate: (text) => isLine(text) && trimText(text) !== null, says: `${LINE}, and show something.` },
  paragraph: {
    validate: isParagraph,
    says: 'This must have no control characters but line breaks and tabs, and none that reverse the text.',
  },
  phone: {
    validate: (text) => trimText(text) === null || toPhone(text) !== null,
    says: 'This must be a phone number with its country code, such as +442071234567.',
  },
  'web-address': {
    validate: (text) => trimText(text) === null || toWebAddress(text) !== null,
    says: 'This must be a web address such as https://ada.example.org, without a password or invisible characters in it.',
  },
  'date-or-time': {
    validate: isDateOrTime,
    says: 'This must be a date such as 2026-11-30, or a time such as 2026-11-30T09:30:00Z (write + as %2B in a URL).',
  },
};

function isDateOrTime(text: string): boolean {
  if (!DATE.test(text) && !TIME.test(text)) return false;
  const time = Date.parse(text);
  const day = text.slice(0, 10);
  // `Date` takes 31 February for 3 March.
  return time >= FIRST && time < AFTER_LAST && new Date(day).toJSON()?.slice(0, 10) === day;
}
