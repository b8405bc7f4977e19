import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import { SECOND } from '../clock.ts';
import { withBreaker } from './breaker.ts';
import { type RedisAddress, readRedisUrl } from './redis-url.ts';
import { surviveLateErrors } from './survive-late-errors.ts';
import { tolerateNoInfo } from './tolerate-no-info.ts';

const CONNECT_TIMEOUT = 2 * SECOND;
/** A server that is silent for this long counts as dead. */
const SILENCE = 3 * SECOND;
const LONGEST_PAUSE = 1 * SECOND;
/** Reconnections that a command waits for: it fails within a second instead of hanging. */
const RETRIES = 3;
/** A command within a request is answered in this time, or the request continues without it. */
const SOON = 250;
/** After this time commands fail at once until Redis answers again: a request sends more than one. */
const SILENCE_OF_HASTY = 2 * SOON;

/** Names of keys and channels begin with it, unless the installation has a name of its own. */
const SPACE = 'ostiary';
/** By a script, as jobs and limits are written: a user that may not run scripts cannot carry them. */
const PROBE = "return redis.call('SET', KEYS[1], '', 'PX', ARGV[1])";
const PROBE_LIFE = 1 * SECOND;

/**
 * `disconnectTimeout`: how long a closed connection waits for the other side. A silent Redis never closes it, and the process must end by itself
 * long before it is ended (`LAST` in `main.ts`).
 */
const TIMES = { connectTimeout: CONNECT_TIMEOUT, disconnectTimeout: SECOND / 2 } as const;

export type RedisClient = Redis | Cluster;

export interface RedisConnections {
  /** For commands that a request needs: fails soon while Redis is away. */
  commands: RedisClient;
  /** For commands that a request can do without: fails at once while Redis is away or answers late, and within a quarter of a second at first. */
  hasty: RedisClient;
  /** Each name of a key or channel begins with it and a colon: two installations in one Redis share nothing. */
  space: string;
  /** False while Redis is away or answers late, so that `hasty` does not ask it. */
  isPrompt(): boolean;
  /** A new connection, whose commands wait until Redis is back: for blocking commands and subscriptions. The caller closes it. */
  patient(): RedisClient;
  /** Writes a small value: rejects without an answer, and if Redis takes no writes (a replica, no memory left, a failing disk, no right to). */
  ping(): Promise<void>;
  /** `maxmemory-policy`; null if it cannot be known. */
  evictionPolicy(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * Connects to the Redis of a URL (see `readRedisUrl`): one server, the master that sentinels name, or a cluster; and reconnects whenever the
 * connection is lost: `const redis = connectRedis('redis://localhost:6379', { onAway, onBack })`. Returns at once, also if Redis is away.
 * Throws a `TypeError` for an invalid URL.
 */
export function connectRedis(
  url: string,
  options: {
    onAway: (error: Error) => void;
    onBack: () => void;
    /** Called when Redis begins to answer late, and when it is prompt again. */
    onLate?: (error: Error) => void;
    onPrompt?: () => void;
    space?: string;
    /** PEM certificates, trusted instead of the public authorities. */
    ca?: string | null;
  },
): RedisConnections {
  const { onAway, onBack, onLate = () => {}, onPrompt = () => {}, space = SPACE, ca = null } = options;
  const address = readRedisUrl(url);
  const retryStrategy = (times: number) => Math.min(times * 100, LONGEST_PAUSE);

  function open(options: CommonRedisOptions): RedisClient {
    const redis = address.kind === 'cluster' ? cluster(options) : single(options);
    redis.on('error', onAway);
    redis.on('ready', onBack);
    return tolerateNoInfo(surviveLateErrors(redis));
  }

  function single(options: CommonRedisOptions): Redis {
    const place = placeOf(address, ca);
    return new Redis({ ...place, ...options, ...TIMES, retryStrategy, reconnectOnError });
  }

  function cluster({ enableOfflineQueue = true, ...options }: CommonRedisOptions): Cluster {
    const { username, password, tls } = placeOf(address, ca);
    const redis = new Cluster(address.nodes, {
      enableOfflineQueue,
      // Without a queue there is no wait for a failover either.
      ...(!enableOfflineQueue && { maxRedirections: 3, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 }),
      clusterRetryStrategy: retryStrategy,
      // Certificates contain names, and nodes announce each other by addresses: with TLS the names of the nodes are used.
      ...(tls && { dnsLookup: (host, done) => done(null, host) }),
      slotsRefreshTimeout: CONNECT_TIMEOUT,
      redisOptions: { ...options, username, password, tls, ...TIMES },
    });
    return settling(redis);
  }

  const commands = open({ socketTimeout: SILENCE, maxRetriesPerRequest: RETRIES });
  const hasty = open({
    commandTimeout: SOON,
    socketTimeout: SILENCE_OF_HASTY,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
  });
  const breaker = withBreaker(hasty, { onLate, onPrompt });
  return {
    commands,
    hasty,
    space,
    // One that answers so late that its connection counts as dead has no breaker to open.
    isPrompt: () => hasty.status === 'ready' && breaker.isClosed(),
    patient: () => open({ maxRetriesPerRequest: null }),
    async ping() {
      await commands.eval(PROBE, 1, `${space}:probe`, PROBE_LIFE);
    },
    async evictionPolicy() {
      return /^maxmemory_policy:(\S+)/m.exec(await commands.info('memory'))?.[1] ?? null;
    },
    async close() {
      breaker.end();
      commands.disconnect();
      hasty.disconnect();
    },
  };
}

/** A master that became a replica keeps its connections: the new master may be behind the same name, or known to the sentinels. */
function reconnectOnError({ message }: Error): boolean {
  return message.startsWith('READONLY');
}

/**
 * Makes `connect` of a cluster, and of its duplicates, settle. If a cluster is found but incomplete, ioredis tries again and leaves the
 * promise of the first attempt pending: a BullMQ worker that waits for it would take no job any more, long after the cluster is back.
 */
function settling(redis: Cluster): Cluster {
  const connect = redis.connect.bind(redis);
  redis.connect = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onEnd = () => reject(new Error('The connection to the cluster was ended.'));
    redis.once('ready', resolve).once('end', onEnd);
    try {
      await Promise.race([connect(), promise]);
    } finally {
      redis.off('ready', resolve).off('end', onEnd);
    }
  };
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (...args) => settling(duplicate(...args));
  return redis;
}

function placeOf({ nodes, username, password, tls, db, sentinel }: RedisAddress, ca: string | null) {
  const secure = tls ? { ...(ca !== null && { ca }) } : undefined;
  const access = { username, password, db, tls: secure };
  if (sentinel === null) return { ...nodes[0], ...access };
  return {
    ...access,
    sentinels: nodes,
    name: sentinel.master,
    sentinelUsername: sentinel.username,
    sentinelPassword: sentinel.password,
    ...(secure && { sentinelTLS: secure, enableTLSForSentinelMode: true }),
  };
}
