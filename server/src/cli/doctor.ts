import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { migrationsWith } from '../added-modules.ts';
import { loadModules } from '../load-modules.ts';
import { type Module, ModuleError } from '../module.ts';
import type { RoleRecord } from '../modules/access/role-store.ts';
import { openPrivateKey } from '../modules/keys/key-pairs.ts';
import { checkSecretKey, WrongSecretKey } from '../modules/keys/secret-check.ts';
import { openReplicaStorage, openStorage } from '../open-storage.ts';
import { systemClock } from '../platform/clock.ts';
import type { Config } from '../platform/config/config.ts';
import { sqliteFile } from '../platform/config/database-url.ts';
import type { Loaded } from '../platform/config/load-config.ts';
import { createKeyring } from '../platform/crypto/keyring.ts';
import { clockSkew, type Database, DatabaseUnreachable } from '../platform/database/database.ts';
import { operatorReason } from '../platform/database/root-cause.ts';
import { tryToCreate } from '../platform/database/try-writes.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { READINESS_ROW } from '../probes.ts';
import { migratorFor, openDatabase, replicaSources } from '../start.ts';
import { storeDatabases, storeMigrator } from '../store-databases.ts';

const NOTABLE_SKEW = 2_000;
const MOST_COUNTED = 100_000;

/** `ostiary doctor`: tells every doubt of `serve`, tries everything that it needs, leaves nothing changed, and exits with 1 if something is wrong. */
export async function doctor(
  _args: string[],
  { config, warnings, unread, log }: Loaded & { log: Logger },
): Promise<void> {
  report('configuration', 'ok', `${config.environment}, ${config.publicUrl}`);
  for (const warning of warnings) report('settings', unread.includes(warning) ? 'wrong' : 'note', warning);
  const modules = await reportModules(config);
  await reportPlaces(config);
  const begun = await reportDatabase(config, log, modules);
  await reportStoreDatabases(config, log, modules);
  await reportRedis(config);
  await reportReplicas(config, log, begun);
  await reportMail(config);
  await reportFiles(config);
}

/** Whether the configuration file can be loaded; returns the modules that it adds. */
async function reportModules(config: Config): Promise<readonly Module[]> {
  try {
    const modules = await loadModules(config);
    const names = modules.map(({ name }) => name);
    if (names.length > 0) report('modules', 'ok', `added: ${names.join(', ')}`);
    return modules;
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    report('modules', 'wrong', error.message);
    return [];
  }
}

/** Whether the database can be used; returns whether a server has started on it. */
async function reportDatabase(config: Config, log: Logger, modules: readonly Module[]): Promise<boolean> {
  let database: Database;
  try {
    database = await openDatabase(config, log);
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable)) throw error;
    report('database', 'wrong', error.message);
    return false;
  }
  try {
    report('database', 'ok', database.name);
    const skew = await clockSkew(database, systemClock);
    report('clock', Math.abs(skew) < NOTABLE_SKEW ? 'ok' : 'wrong', `${skew} ms from the database's`);

    const status = await (await migratorFor(database, modules)).status();
    const pending = status.filter(({ appliedAt }) => appliedAt === null).length;
    const unknown = status.filter(({ known }) => !known).length;
    const counts = `${status.length - pending} applied, ${pending} pending, ${unknown} of a newer version`;
    report('migrations', unknown > 0 ? 'wrong' : 'ok', counts);
    const begun = pending < status.length;
    if (begun) await reportContent(database, config);
    await reportWrites(database, pending);
    return begun;
  } catch (error) {
    const reason = operatorReason(error);
    const isTold = error instanceof WrongSecretKey || error instanceof ModuleError;
    if (reason === null && !isTold) throw error;
    report('database', 'wrong', reason ?? (error as Error).message);
    return false;
  } finally {
    await database.close();
  }
}

/** Whether the databases of single stores can be used. */
async function reportStoreDatabases(config: Config, log: Logger, modules: readonly Module[]): Promise<void> {
  try {
    for (const place of storeDatabases(config, modules)) {
      const database = await openDatabase(config, log, place);
      try {
        const status = await (await storeMigrator(database, place, await migrationsWith(modules))).status();
        const pending = status.filter(({ appliedAt }) => appliedAt === null).length;
        const unknown = status.filter(({ known }) => !known).length;
        await tryToCreate(database);
        const detail = `${place.stores.join(', ')}: on ${database.name}, ${pending} migrations pending, ${unknown} of a newer version`;
        report('stores', unknown > 0 ? 'wrong' : 'ok', detail);
      } finally {
        await database.close();
      }
    }
  } catch (error) {
    const isTold = error instanceof ModuleError || error instanceof DatabaseUnreachable;
    const reason = isTold ? error.message : operatorReason(error);
    if (reason === null) throw error;
    report('stores', 'wrong', reason);
  }
}

/** Whether the database takes what a server writes: the row that readiness writes, and tables where migrations are due. */
async function reportWrites(database: Database, pending: number): Promise<void> {
  try {
    if (pending > 0) await tryToCreate(database);
    else await openStorage(database, { onCommit() {} }).heartbeats.heartbeat(READINESS_ROW, systemClock());
    report('writes', 'ok', pending > 0 ? 'tables can be made' : 'go through');
  } catch (error) {
    report('writes', 'wrong', operatorReason(error) ?? (error as Error).message);
  }
}

/** Whether the server may listen, and write where its files go. */
async function reportPlaces({ host, port, dataDir, database, mail, s3, log }: Config): Promise<void> {
  const failure = await listenOnce(host, port);
  const address = `${host}:${port}`;
  if (failure === null) report('port', 'ok', address);
  else if (failure === 'EADDRINUSE')
    report('port', 'note', `${address} is in use: by this server, or by another program`);
  else report('port', 'wrong', `${address} cannot be listened on (${failure})`);

  const file = sqliteFile(database.url);
  const folders = [
    file && dirname(file),
    mail.smtpUrl === null && join(dataDir, 'mailbox'),
    s3 === null && join(dataDir, 'objects'),
    log.file && dirname(log.file),
  ];
  for (const folder of new Set(folders.filter((one) => typeof one === 'string'))) {
    const problem = unwritable(folder);
    if (problem !== null) report('files', 'wrong', `${folder} cannot be written (${problem})`);
  }
}

/** The error code with which listening fails, or null. */
function listenOnce(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown error'));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** The error code with which a folder, or the first one above it that exists, refuses to be written; null if it does not. */
function unwritable(folder: string): string | null {
  try {
    if (!statSync(folder).isDirectory()) return 'ENOTDIR';
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' && dirname(folder) !== folder ? unwritable(dirname(folder)) : code;
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
  if (config.passkeys) {
    const { rpId } = config.passkeys;
    const lost = await storage.factors.countPasskeysOfOthers(rpId, MOST_COUNTED);
    const some = lost < MOST_COUNTED ? String(lost) : `${lost} or more`;
    report(
      'passkeys',
      lost === 0 ? 'ok' : 'wrong',
      lost === 0 ? `for ${rpId}` : `${some} were made for another PASSKEY_RP_ID than ${rpId}: nobody can use them`,
    );
  }
  const { userIds } = await storage.superadmins.read();
  report(
    'superadmins',
    userIds.length > 0 ? 'ok' : 'note',
    userIds.length > 0 ? String(userIds.length) : 'none yet: start the server and open its setup link',
  );
  reportMfa(await storage.roles.list(), config);
}

/** Whether administrators need two factors: those of an installation that was there before roles could demand them do not. */
function reportMfa(roles: readonly RoleRecord[], { environment }: Config): void {
  const powerful = roles.filter(({ builtIn, code }) => builtIn && (code === 'superadmin' || code === 'admin'));
  // Before its migration a role demands nothing.
  const open = powerful.filter(({ mfa }) => mfa !== 'required' && mfa !== 'phishing_resistant');
  const codes = open.map(({ code }) => code).join(' and ');
  if (open.length === 0) report('mfa', 'ok', 'administrators need two factors');
  else if (environment !== 'production') report('mfa', 'ok', `${codes} need no second factor (${environment})`);
  else
    report(
      'mfa',
      'note',
      `${codes} need no second factor: set one up, then PATCH /api/v1/admin/roles/{id} with { "mfa": "required" }`,
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

/** Whether Redis takes writes, is new enough, and never forgets what it holds. */
async function reportRedis({ redisUrl: url, redisCa: ca }: Config): Promise<void> {
  if (url === null) {
    report('jobs', 'ok', 'in a table of the database');
    return;
  }
  const { connectRedis } = await import('../platform/redis/connect.ts');
  let failure: Error | null = null;
  const onAway = (error: Error) => {
    failure ??= error;
  };
  const redis = connectRedis(url, { ca, onAway, onBack: () => {} });
  try {
    await redis.ping();
    report('jobs', 'ok', 'by Redis');
    await reportMemory(await redis.commands.info(), await redis.evictionPolicy());
  } catch (error) {
    const { message } = failure ?? (error as Error);
    report('jobs', 'wrong', `the Redis of REDIS_URL cannot be used: ${forTerminal(message)}`);
  } finally {
    await redis.close();
  }
}

/** Under any other policy than `noeviction` a full Redis forgets jobs, and no error says so. */
async function reportMemory(info: string, policy: string | null): Promise<void> {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? null;
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  if (version !== null && (major < 6 || (major === 6 && minor < 2))) {
    report('redis', 'wrong', `version ${forTerminal(version)}; it must be 6.2 or later`);
  }
  if (policy === null) report('redis', 'note', 'it does not tell its eviction policy, which must be noeviction');
  else if (policy === 'noeviction') report('redis', 'ok', 'eviction policy noeviction');
  else
    report(
      'redis',
      'wrong',
      `eviction policy ${forTerminal(policy)}: set maxmemory-policy to noeviction, or jobs get lost`,
    );
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
    report('mail', 'wrong', `the server of SMTP_URL: ${forTerminal(message)} (${code})`);
  }
}

/** Whether the bucket can be listed with these keys; nothing is written. */
async function reportFiles({ s3, dataDir }: Config): Promise<void> {
  if (s3 === null) {
    report('storage', 'ok', `files are in ${dataDir}/objects, for servers on this host`);
    return;
  }
  const { createS3Objects } = await import('../platform/objects/s3.ts');
  try {
    const { name, versioning } = await createS3Objects({ ...s3, clock: systemClock }).bucket();
    report('storage', 'ok', `files are in the bucket ${name}`);
    if (versioning !== 'off')
      report('storage', 'note', 'the bucket keeps versions: switch that off, deleted files take up room');
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error;
    report('storage', 'wrong', `the bucket of S3_BUCKET cannot be used: ${forTerminal(message)}`);
  }
}

/** Text of another server, made safe for a terminal. */
function forTerminal(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, 300);
}

function report(what: string, state: 'ok' | 'note' | 'wrong', detail: string): void {
  process.stdout.write(`${state.padEnd(6)} ${what.padEnd(14)} ${detail}\n`);
  if (state === 'wrong') process.exitCode = 1;
}
