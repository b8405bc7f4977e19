import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { isUnavailable } from './errors.ts';
import { guardMongo } from './mongo-guard.ts';
import { reviveStuckMonitor } from './mongo-monitor.ts';
import { createRefusals } from './refusals.ts';
import { within } from './time-limit.ts';
import { timeLimits } from './time-limits.ts';
import type { ConnectOptions, DatabaseLog, MongoDatabase } from './types.ts';
import { unreachable } from './unreachable.ts';
import type { ServerTarget } from './url.ts';
import { createWatchdog, noWatch } from './watchdog.ts';

/** Milliseconds between two checks of a lost server. */
const RECOVERY_LOOK = 100;
const CLOSE_TIMEOUT = 5000;

/** Opens a standalone server or a replica set, 6.0 or later. Throws `DatabaseUnreachable`. */
export async function connectMongo(target: ServerTarget, options: ConnectOptions): Promise<MongoDatabase> {
  const { client, close } = openOrExplain(target, options);
  const limits = timeLimits(options);
  const watch = createWatchdog(limits, () => probe(target, options));
  const refusals = createRefusals();
  // Only the monitors know why no server was found.
  let failure: Error | undefined;
  client.on('serverHeartbeatFailed', (event) => {
    failure = event.failure;
  });
  try {
    await watch(client.connect());
    const db = client.db(target.database);
    // The first command that needs a password: connecting does not.
    await db.listCollections({}, { nameOnly: true }).toArray();
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return {
      kind: 'mongo',
      name: `MongoDB ${version}`,
      db: guardMongo(db, watch, refusals),
      client,
      lastRefusal: refusals.last,
      ping: () => within(limits.ping, ping(guardMongo(db, watch, refusals))),
      async unlimited(work) {
        const maintenance = openClient(target, { ...options, poolSize: 2, slowQuery: Number.POSITIVE_INFINITY }, false);
        try {
          return await work(guardMongo(maintenance.client.db(target.database), noWatch, refusals));
        } finally {
          await maintenance.close();
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw unreachable(target, isUnavailable(error) ? (failure ?? error) : error, options);
  }
}

/** The driver throws at once for an option of the URL that it does not take. */
function openOrExplain(target: ServerTarget, options: ConnectOptions): ReturnType<typeof openClient> {
  try {
    return openClient(target, options);
  } catch (error) {
    throw unreachable(target, error);
  }
}

function openClient(
  target: ServerTarget,
  { ca, poolSize, slowQuery, log, patience, replica }: ConnectOptions,
  isLimited = true,
): { client: MongoClient; close(): Promise<void> } {
  const { connect, statement } = timeLimits({ patience });
  const settings: MongoClientOptions = {
    appName: 'ostiary',
    ...secured(ca),
    maxPoolSize: poolSize,
    // An acknowledged write survives the loss of a server, and the next read sees it.
    writeConcern: { w: 'majority', journal: true },
    readPreference: replica ? 'secondaryPreferred' : 'primary',
    serverSelectionTimeoutMS: connect,
    connectTimeoutMS: connect,
    minHeartbeatFrequencyMS: RECOVERY_LOOK,
    waitQueueTimeoutMS: statement,
    socketTimeoutMS: isLimited ? statement : 0,
    monitorCommands: true,
  };
  const client = new MongoClient(target.url, settings);
  logSlowCommands(client, slowQuery, log);
  const stopReviving = reviveStuckMonitor(client, 2 * connect);
  return {
    client,
    async close() {
      stopReviving();
      await within(CLOSE_TIMEOUT, client.close()).catch(() => undefined);
    },
  };
}

/** TLS with a private authority. */
function secured(ca: string | null | undefined): MongoClientOptions {
  return ca ? { tls: true, ca } : {};
}

/** Signs in at the primary. */
async function probe(target: ServerTarget, { ca, patience }: ConnectOptions): Promise<void> {
  const client = new MongoClient(target.url, {
    ...secured(ca),
    maxPoolSize: 1,
    serverSelectionTimeoutMS: timeLimits({ patience }).connect,
  });
  try {
    await client.connect();
  } finally {
    await client.close();
  }
}

/** Queries the primary, which a handshake would not. */
async function ping(db: Db): Promise<{ now: Date }> {
  const [row] = await db.aggregate<{ now: Date }>([{ $documents: [{ now: '$$NOW' }] }]).toArray();
  if (!row) throw new Error('The database did not return its time.');
  return row;
}

/** Command and collection only: filters and documents contain user data. */
function logSlowCommands(client: MongoClient, slowQuery: number, log: DatabaseLog): void {
  const collections = new Map<number, string>();
  client.on('commandStarted', ({ requestId, commandName, command }) => {
    const name = commandName === 'getMore' ? command.collection : command[commandName];
    collections.set(requestId, typeof name === 'string' ? name : '');
  });
  const ended = ({
    requestId,
    commandName,
    duration,
  }: {
    requestId: number;
    commandName: string;
    duration: number;
  }) => {
    const collection = collections.get(requestId);
    collections.delete(requestId);
    if (duration >= slowQuery) log.warn({ command: commandName, collection, duration }, 'slow query');
  };
  client.on('commandSucceeded', ended);
  client.on('commandFailed', ended);
}
