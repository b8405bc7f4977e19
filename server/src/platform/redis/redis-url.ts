export interface RedisNode {
  host: string;
  port: number;
}

/** Kind, hosts and credentials of a Redis. */
export interface RedisAddress {
  kind: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or some nodes of the cluster. */
  nodes: RedisNode[];
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
  /** Number of the database; a cluster has only 0. */
  db: number;
  /** The name of the master, and the credentials of the sentinels. */
  sentinel: { master: string; username: string | undefined; password: string | undefined } | null;
}

const PARTS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#@]*)@)?([^/?#@]+)(?:\/(\d*))?(?:\?([^#]*))?$/i;
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const SENTINEL_OPTIONS = ['master', 'sentinelUsername', 'sentinelPassword'];
const MOST_DATABASES = 1_000_000;

/**
 * Reads `redis://user:password@host:port/0`, `redis+sentinel://…@host:port,host:port/0?master=NAME` (with `sentinelUsername` and
 * `sentinelPassword` if the sentinels have them) or `redis+cluster://…@host:port,host:port`; each also as `rediss` for TLS. The
 * credentials are those of the data servers. Throws a `TypeError` that names the fault.
 */
export function readRedisUrl(text: string): RedisAddress {
  const parts = PARTS.exec(text);
  if (parts === null || /[\s\p{Cc}]/u.test(text)) throw new TypeError('is not a Redis URL with a host');
  const [, scheme = '', kindText = 'single', userInfo = '', hosts = '', db = '', query = ''] = parts;
  const kind = kindText.toLowerCase() as RedisAddress['kind'];
  const options = new URLSearchParams(query);
  const colon = userInfo.indexOf(':');
  const master = options.get('master');
  const known = kind === 'sentinel' ? SENTINEL_OPTIONS : [];
  // The option is not named: after an unencoded `?` it is a part of the password.
  if ([...options.keys()].some((name) => !known.includes(name))) {
    throw new TypeError('has an unknown option');
  }
  if (kind === 'sentinel' && !master) throw new TypeError('does not name the master that the sentinels watch');
  if (Number(db) > MOST_DATABASES || (kind === 'cluster' && Number(db) !== 0)) {
    throw new TypeError('names a database that does not exist');
  }
  const nodes = hosts.split(',').map((host) => nodeOf(host, PORTS[kind]));
  if (kind === 'single' && nodes.length > 1)
    throw new TypeError('names several hosts, but neither Sentinel nor Cluster');
  return {
    kind,
    nodes,
    username: decode(colon < 0 ? userInfo : userInfo.slice(0, colon)),
    password: colon < 0 ? undefined : decode(userInfo.slice(colon + 1)),
    tls: scheme.toLowerCase() === 'rediss',
    db: Number(db),
    sentinel:
      kind === 'sentinel' && master
        ? {
            master,
            username: options.get('sentinelUsername') ?? undefined,
            password: options.get('sentinelPassword') ?? undefined,
          }
        : null,
  };
}

function nodeOf(authority: string, port: number): RedisNode {
  const own = /:(\d+)$/.exec(authority)?.[1];
  // `URL` accepts a backslash as the start of a path, and zero as a port.
  if (!URL.canParse(`http://${authority}`) || authority.includes('\\') || Number(own) === 0) {
    throw new TypeError('has a bad host or port');
  }
  const { hostname } = new URL(`http://${authority}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: own === undefined ? port : Number(own) };
}

function decode(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    throw new TypeError('has a % that encodes nothing');
  }
}
