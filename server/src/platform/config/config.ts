/** The whole configuration, checked and converted: the only thing modules know of the environment. */
export interface Config {
  environment: 'development' | 'production' | 'test';
  host: string;
  port: number;
  /** Scheme, host and optional port and path, without a trailing slash: where people reach this server. */
  publicUrl: string;
  dataDir: string;
  database: {
    /** `sqlite:`, `postgres:`, `mysql:`, `mongodb:`. */
    url: string;
    poolSize: number;
    /** Of the same kind. */
    replicaUrls: string[];
  };
  /** Null: jobs go through a table of the database. */
  redisUrl: string | null;
  role: 'all' | 'web' | 'worker';
  /** Processes of this server on this machine. */
  workers: number;
  /** Milliseconds between red readiness and the closing of the port. */
  shutdownDelay: number;
  /** At least 32 bytes. The first one signs and seals; the others still open what they made. */
  secretKeys: { current: string; previous: string | null };
  emailVerification: 'required' | 'off';
  registration: 'open' | 'invite' | 'closed';
  /** What only administrators give, beside the shipped ones; `-name` takes one of those off. */
  reservedUsernames: string[];
  mail: {
    smtpUrl: string | null;
    /** PEM. Trusted for the mail server, instead of the public authorities. */
    smtpCa: string | null;
    from: string;
    /** Signs every mail. */
    dkim: {
      privateKey: string;
      selector: string;
      /** Null: the domain of `from`. */
      domain: string | null;
    } | null;
  };
  http: {
    corsOrigins: string[];
    /** Host names that are answered; empty: any. */
    trustedHosts: string[];
    /** CIDRs of the proxies whose `X-Forwarded-*` is believed. */
    trustedProxies: string[];
    /** Bytes. */
    bodyLimit: number;
    /** Milliseconds. */
    requestTimeout: number;
    /** `/docs`, `/redoc`, `/openapi.json`. */
    docs: boolean;
  };
  tokens: {
    algorithm: 'EdDSA' | 'ES256' | 'RS256';
    /** Milliseconds, these three. */
    accessTtl: number;
    refreshIdleTtl: number;
    refreshAbsoluteTtl: number;
    /** Live sessions a user may have; the oldest end. */
    sessionLimit: number;
  };
  passwords: {
    minLength: number;
    /** A list of breached passwords: a file, or a directory of ranges. */
    breachPath: string | null;
    /** KiB. */
    argon2Memory: number;
    argon2Passes: number;
  };
  /** Milliseconds, these two: how long a key is active, and how long the history is kept. */
  keyRotation: number;
  eventRetention: number;
  /** Strangers are asked for proofs of work where a client or an account is under attack. */
  proofOfWork: boolean;
  rateLimits: {
    enabled: boolean;
    default: {
      points: number;
      /** Seconds. */
      duration: number;
    };
  };
  log: {
    level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
    format: 'json' | 'text';
    file: string | null;
    /** Milliseconds. */
    slowRequest: number;
    slowQuery: number;
  };
}
