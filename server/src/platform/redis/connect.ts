import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import { SECOND } from '../clock.ts';
import { type RedisAddress, readRedisUrl } from './redis-url.ts';

const CONNECT_TIMEOUT = 2 * SECOND;
/** A server that says nothing for so long is taken for dead. */
const SILENCE = 3 * SECOND;
const LONGEST_PAUSE = 1 * SECOND;
/** Reconnections that one command waits for: it fails within a second instead of hanging. */
const RETRIES = 3;
/** What is asked for in the middle of a request is answered within this, or done without. */
const SOON = 250;
/** From then on nobody waits even that long, until it answers again: a request asks more than once. */
const SILENCE_OF_HASTY = 2 * SOON;

const PROBE = 'ostiary:probe';
const PROBE_LIFE = 1 * SECOND;

export type RedisClient = Redis | Cluster;

export interface RedisConnections {
  /** For commands of requests: fails soon while Redis is away. */
  commands: RedisClient;
  /** For what a request can do without: fails at once while Redis is away, and within a quarter of a second where it is slow. */
  hasty: RedisClient;
  /** One more connection, whose commands wait until Redis is back: for what blocks or subscribes. The caller closes it. */
  patient(): RedisClient;
  /** Writes a trifle: rejects where there is no answer, and where it takes no writes (a replica, no memory left, a disk that fails). */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to the Redis of a URL (see `readRedisUrl`): one server, the master that sentinels name, or a cluster; and again whenever the
 * connection is lost. Answers at once, also where nobody is there. Throws a `TypeError` for a URL that is none.
 */
export function connectRedis(
  url: string,
  { onAway, onBack }: { onAway: (error: Error) => void; onBack: () => void },
): RedisConnections {
  const address = readRedisUrl(url);
  const retryStrategy = (times: number) => Math.min(times * 100, LONGEST_PAUSE);

  function open(options: CommonRedisOptions): RedisClient {
    const redis = address.kind === 'cluster' ? cluster(options) : single(options);
    redis.on('error', onAway);
    redis.on('ready', onBack);
    return redis;
  }

  function single(options: CommonRedisOptions): Redis {
    const place = placeOf(address);
    return new Redis({ ...place, ...options, connectTimeout: CONNECT_TIMEOUT, retryStrategy, reconnectOnError });
  }

  function cluster({ enableOfflineQueue = true, ...options }: CommonRedisOptions): Cluster {
    const { username, password, tls } = placeOf(address);
    const redis = new Cluster(address.nodes, {
      enableOfflineQueue,
      // Who queues nothing does not wait for a failover either.
      ...(!enableOfflineQueue && { maxRedirections: 3, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 }),
      clusterRetryStrategy: retryStrategy,
      // Certificates are for names, and the addresses that nodes tell of each other are none: with TLS each is asked for as it says.
      ...(tls && { dnsLookup: (host, done) => done(null, host) }),
      slotsRefreshTimeout: CONNECT_TIMEOUT,
      redisOptions: { ...options, username, password, tls, connectTimeout: CONNECT_TIMEOUT },
    });
    if (options.commandTimeout !== undefined) waitOnce(redis, options.commandTimeout);
    return settling(redis);
  }

  const commands = open({ socketTimeout: SILENCE, maxRetriesPerRequest: RETRIES });
  const hasty = open({
    ...{ commandTimeout: SOON, socketTimeout: SILENCE_OF_HASTY },
    ...{ maxRetriesPerRequest: 0, enableOfflineQueue: false },
  });
  return {
    commands,
    hasty,
    patient: () => open({ maxRetriesPerRequest: null }),
    async ping() {
      await commands.set(PROBE, '', 'PX', PROBE_LIFE);
    },
    async close() {
      commands.disconnect();
      hasty.disconnect();
    },
  };
}

/** A master that became a replica keeps its connections: the new one may be behind the same name, or known to the sentinels. */
function reconnectOnError({ message }: Error): boolean {
  return message.startsWith('READONLY');
}

/**
 * One node that says nothing does not break the connections to the others, and so would cost each request its time for each question:
 * where one was asked in vain, the next ones fail at once for a while.
 */
function waitOnce(redis: Cluster, timeout: number): void {
  const send = redis.sendCommand.bind(redis);
  let silentUntil = 0;
  redis.sendCommand = (command, ...rest) => {
    const began = performance.now();
    if (began < silentUntil) {
      command.reject(new Error('A node of the cluster has just said nothing.'));
      return command.promise;
    }
    command.promise.catch(() => {
      if (performance.now() - began >= timeout) silentUntil = performance.now() + SILENCE_OF_HASTY;
    });
    return send(command, ...rest);
  };
}

/**
 * Makes `connect` of a cluster, and of its duplicates, settle. Where a cluster is found but not whole, ioredis tries again and leaves the
 * promise of the first try pending: a worker of BullMQ that waits for it would take no job any more, long after the cluster is back.
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

function placeOf({ nodes, username, password, tls, db, sentinel }: RedisAddress) {
  const secure = tls ? {} : undefined;
  const access = { username, password, db, tls: secure };
  if (sentinel === null) return { ...nodes[0], ...access };
  return {
    ...access,
    sentinels: nodes,
    name: sentinel.master,
    sentinelUsername: sentinel.username,
    sentinelPassword: sentinel.password,
    ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}
