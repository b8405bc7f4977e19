/** Codes (RFC 3463) that say that there is no such mailbox, or none any more; 5.1.351 and 5.1.10 as Microsoft uses them. */
const NO_MAILBOX = new Set(['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.1.351', '5.2.1']);
/** Replies to the recipient without such a code that speak of its mailbox (RFC 5321, 4.2.3). */
const PLAIN = new Set([550, 551, 553]);
const ENHANCED = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/;
/** Microsoft answers so, with 5.4.1, for a mailbox that its directory does not have. */
const UNKNOWN_TO_DIRECTORY = /^\d{3}[ -]5\.4\.1 recipient address rejected/i;
/** A mailbox that gets too many mails at the moment, in the words of Google, and whatever else a reply without a code may mean. */
const TOO_MANY = /\brate\b|too quickly|too many|limit/i;
const ABOUT_SOMETHING_ELSE =
  /\brate\b|too (?:quickly|many|much)|limit|quota|relay|sender|sending|spam|policy|polic|block|black|denied|deny|listed|prohibit|permit|permission|authoriz|authoris|authentic|verif|suspend|spf|dkim|dmarc|reputation|try again|later/i;

/** Words of a reply that tell its kind where it has no enhanced code. */
const WORDS = 6;

/** An answer of a mail server. */
export interface MailReply {
  /** The SMTP command that it answers. */
  command?: string | undefined;
  responseCode?: number | undefined;
  /** The whole answer, perhaps of several lines. */
  response?: string | undefined;
}

/**
 * Whether an answer speaks of the recipient's mailbox, so that no retry helps. All else may pass or can be mended by the operator: the
 * sender, a quota, a rate, a policy. Servers say so with permanent codes, too: `550 5.4.5 Daily sending limit exceeded` (Google),
 * `554 Message rejected: Email address is not verified` (Amazon), `550 5.1.90 … reached your daily limit` (Microsoft).
 */
export function isAboutMailbox({ command, responseCode, response = '' }: MailReply): boolean {
  const code = ENHANCED.exec(response)?.[1];
  if (UNKNOWN_TO_DIRECTORY.test(response)) return true;
  if (code !== undefined) return NO_MAILBOX.has(code) && !TOO_MANY.test(response);
  return command === 'RCPT TO' && PLAIN.has(responseCode ?? 0) && !ABOUT_SOMETHING_ELSE.test(response);
}

/**
 * What is the same in answers of one kind: the codes, `550 5.7.0`. Amazon's have no enhanced code, and differ in their first words:
 * `554 message rejected sending suspended for this`. What may name somebody or differ each time is no part of it: whatever is not letters alone.
 */
export function kindOf({ responseCode, response = '' }: MailReply): string {
  const code = ENHANCED.exec(response)?.[1];
  if (code !== undefined) return `${responseCode} ${code}`;
  const [line = ''] = response.split(/\r?\n/);
  const words = line.split(/[\s<>"'()[\]]+/).map((word) => word.replace(/[.,:;]+$/, ''));
  return [responseCode, ...words.filter((word) => /^[a-z]+$/i.test(word)).slice(0, WORDS)].join(' ').toLowerCase();
}
