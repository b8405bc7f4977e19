import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, MINUTE } from '../clock.ts';
import type { Mail, Mailer } from './mail.ts';

/** Default number of kept mails. */
const LIMIT = 500;
/** Additional mails before the oldest are deleted: cleaning up reads every file, so it is done seldom. */
const SLACK = 50;
const FILE = /^[0-9a-f]{32}\.json$/;
const UNFINISHED = /^[0-9a-f]{32}\.[0-9a-f]{16}\.tmp$/;
/** Writing a file takes milliseconds; an older temporary file belongs to a killed process. */
const ABANDONED_AFTER = 10 * MINUTE;

export interface MailboxMail {
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** ISO 8601. */
  sentAt: string;
}

/** Orders mails of one millisecond, also those of different processes. Not shown. */
type StoredMail = MailboxMail & { written: number };

export interface Mailbox extends Mailer {
  /** Newest first. */
  list(): Promise<MailboxMail[]>;
}

export interface MailboxOptions {
  /** A folder for the mailbox only, created if it is missing. Several processes may share it. */
  dir: string;
  clock: Clock;
  limit?: number;
}

/**
 * Stores mails as files instead of sending them, for development: one JSON file per mail, readable by the owner only, since mails contain
 * valid codes and links. A repeated mail replaces itself. Throws if the folder cannot be created.
 */
export function createMailbox({ dir, clock, limit = LIMIT }: MailboxOptions): Mailbox {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // `mkdir` does not change the mode of an existing folder.
  chmodSync(dir, 0o700);

  async function send(mail: Mail): Promise<void> {
    const { to, subject, text, html, key } = mail;
    const id = createHash('sha256').update(key).digest('hex').slice(0, 32);
    const written = performance.timeOrigin + performance.now();
    const stored: StoredMail = { id, to, subject, text, html, sentAt: clock().toISOString(), written };
    const unfinished = join(dir, `${id}.${randomBytes(8).toString('hex')}.tmp`);
    try {
      await writeFile(unfinished, JSON.stringify(stored), { mode: 0o600, flag: 'wx' });
      await rename(unfinished, join(dir, `${id}.json`));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    await tidy();
  }

  async function tidy(): Promise<void> {
    const names = await readdir(dir);
    await Promise.all(names.filter((name) => UNFINISHED.test(name)).map(removeIfAbandoned));
    if (names.filter((name) => FILE.test(name)).length <= limit + SLACK) return;
    const tooMany = (await readAll()).slice(limit);
    await Promise.all(tooMany.map(({ id }) => rm(join(dir, `${id}.json`), { force: true })));
  }

  async function removeIfAbandoned(name: string): Promise<void> {
    const path = join(dir, name);
    const changed = (await stat(path).catch(() => null))?.mtimeMs ?? Number.POSITIVE_INFINITY;
    // File times are from the system, not from the clock of the mails.
    if (changed < Date.now() - ABANDONED_AFTER) await rm(path, { force: true });
  }

  async function readAll(): Promise<StoredMail[]> {
    const names = (await readdir(dir)).filter((name) => FILE.test(name));
    const mails = await Promise.all(names.map((name) => read(join(dir, name))));
    return mails
      .filter((mail) => mail !== null)
      .sort((a, b) => Date.parse(b.sentAt) - Date.parse(a.sentAt) || b.written - a.written);
  }

  async function list(): Promise<MailboxMail[]> {
    return (await readAll()).slice(0, limit).map(({ written: _, ...mail }) => mail);
  }

  return { send, list, close: async () => {} };
}

/** Null for a file that another process has just deleted, or that a power failure left without its content. */
async function read(path: string): Promise<StoredMail | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as StoredMail;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
