import { openPrivateKey } from '../modules/keys/key-pairs.ts';
import { checkSecretKey } from '../modules/keys/secret-check.ts';
import { openReplicaStorage, openStorage } from '../open-storage.ts';
import { systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config/config.ts';
import { createKeyring } from '../platform/crypto/keyring.ts';
import { clockSkew, type Database, DatabaseUnreachable } from '../platform/database/database.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { migratorFor, openDatabase, replicaSources } from '../start.ts';

const NOTABLE_SKEW = 2_000;

/** `ostiary doctor`: checks everything that a start depends on, changes nothing, and exits with 1 if something is wrong. */
export async function doctor(_args: string[], { config, log }: { config: Config; log: Logger }): Promise<void> {
  report('configuration', 'ok', `${config.environment}, ${config.publicUrl}`);
  const database = await openDatabase(config, log);
  try {
    report('database', 'ok', database.name);

    const skew = await clockSkew(database, systemClock);
    report('clock', Math.abs(skew) < NOTABLE_SKEW ? 'ok' : 'wrong', `${skew} ms from the database's`);

    const status = await (await migratorFor(database)).status();
    const pending = status.filter(({ appliedAt }) => appliedAt === null).length;
    const unknown = status.filter(({ known }) => !known).length;
    report(
      'migrations',
      unknown > 0 ? 'wrong' : 'ok',
      `${status.length - pending} applied, ${pending} pending, ${unknown} of a newer version`,
    );
    const begun = pending < status.length;
    if (begun) await reportContent(database, config);
    await reportRedis(config.redisUrl);
    await reportReplicas(config, log, begun);
    await reportMail(config);
  } finally {
    await database.close();
  }
}

/** Checks that need a database on which a server has started. */
async function reportContent(database: Database, config: Config): Promise<void> {
  const storage = openStorage(database, { onCommit: () => {} });
  if ((await storage.secretChecks.list()).length > 0) {
    const keyring = createKeyring(config.secretKeys);
    // A server that starts with a new key records it; a check does not.
    const store = { ...storage.secretChecks, add: async () => true };
    await checkSecretKey({ store, keyring, clock: systemClock });
    // A replaced key is known, too.
    const shut = (await storage.keys.list()).filter((key) => openPrivateKey(keyring, key) === null);
    report(
      'secret key',
      shut.length === 0 ? 'ok' : 'wrong',
      shut.length === 0
        ? 'the one of this database'
        : `${shut.length} keys of the database were encrypted with another: set that one, too, as SECRET_KEY or SECRET_KEY_PREVIOUS`,
    );
  }
  const { userIds } = await storage.superadmins.read();
  report(
    'superadmins',
    userIds.length > 0 ? 'ok' : 'note',
    userIds.length > 0 ? String(userIds.length) : 'none yet: start the server and open its setup link',
  );
}

/** Whether each replica can be reached, and read if there are data; only a running server knows how far behind it is. */
async function reportReplicas(config: Config, log: Logger, begun: boolean): Promise<void> {
  for (const { name, open } of replicaSources(config, log)) {
    try {
      const replica = await open();
      try {
        if (begun) await openReplicaStorage(replica).users.count({}, 1);
      } finally {
        await replica.close();
      }
      report('replica', 'ok', name);
    } catch (error) {
      report('replica', 'wrong', error instanceof DatabaseUnreachable ? error.message : `${name} cannot be read`);
    }
  }
}

/** Whether Redis answers. */
async function reportRedis(url: string | null): Promise<void> {
  if (url === null) {
    report('jobs', 'ok', 'in a table of the database');
    return;
  }
  const { connectRedis } = await import('../platform/redis/connect.ts');
  const redis = connectRedis(url, { onAway: () => {}, onBack: () => {} });
  try {
    await redis.ping();
    report('jobs', 'ok', 'by Redis');
  } catch {
    report('jobs', 'wrong', 'the Redis of REDIS_URL does not answer');
  } finally {
    await redis.close();
  }
}

/** Whether the mail server accepts the credentials; no mail is sent. */
async function reportMail({ mail, dataDir }: Config): Promise<void> {
  if (mail.smtpUrl === null) {
    report('mail', 'ok', `kept in ${dataDir}/mailbox (development)`);
    return;
  }
  const { trySmtp } = await import('../platform/mail/smtp.ts');
  try {
    await trySmtp({ url: mail.smtpUrl, ca: mail.smtpCa, ehloName: mail.ehloName });
    report('mail', 'ok', 'by SMTP');
  } catch (error) {
    const { message, code = '' } = error as Error & { code?: string };
    // Partly the server's own text, made safe for a terminal.
    report('mail', 'wrong', `the server of SMTP_URL: ${message.replace(/\p{C}+/gu, ' ').slice(0, 300)} (${code})`);
  }
}

function report(what: string, state: 'ok' | 'note' | 'wrong', detail: string): void {
  process.stdout.write(`${state.padEnd(6)} ${what.padEnd(14)} ${detail}\n`);
  if (state === 'wrong') process.exitCode = 1;
}
