import type { S3Options } from '../objects/s3-client.ts';
import type { StoreUrl } from './store-urls.ts';
/** The configuration, validated and converted. Modules read nothing else from the environment. */
export interface Config {
  environment: 'development' | 'production' | 'test';
  host: string;
  port: number;
  /** Public address of this server: scheme, host and optional port and path, without a trailing slash. */
  publicUrl: string;
  /** Where the pages are that mails lead to, in the same form. */
  pagesUrl: string;
  dataDir: string;
  /** The file that lists modules of one's own; null: that of the working directory, if there is one. */
  configFile: string | null;
  database: {
    /** `sqlite:`, `postgres:`, `mysql:`, `mongodb:`. */
    url: string;
    /** PEM certificates, trusted for the database and its replicas instead of the public authorities. */
    ca: string | null;
    /** Whether a pooler of PostgreSQL changes sessions between transactions. */
    pooler: 'auto' | 'transaction' | 'off';
    poolSize: number;
    /** Replicas: databases of the same kind. */
    replicaUrls: string[];
    /** Databases of single stores, of any kind. */
    storeUrls: StoreUrl[];
  };
  /** The bucket for files; null: a folder in `dataDir`. */
  s3: S3Options | null;
  /** Null: jobs use a table of the database. */
  redisUrl: string | null;
  /** PEM certificates, trusted for Redis instead of the public authorities. */
  redisCa: string | null;
  role: 'all' | 'web' | 'worker';
  /** Number of processes on this machine. */
  workers: number;
  /** Milliseconds between a failing readiness check and the closing of the port. */
  shutdownDelay: number;
  /** At least 32 bytes each. The first one signs and encrypts; the others still verify and decrypt. */
  secretKeys: { current: string; previous: string | null };
  emailVerification: 'required' | 'off';
  registration: 'open' | 'invite' | 'closed';
  emailSignIn: {
    /** `link`: by code and by link. */
    mode: 'off' | 'code' | 'link';
    /** What the link does in another browser than the one that asked for it. */
    elsewhere: 'refuse' | 'confirm';
  };
  /** Names that only administrators can assign, in addition to the built-in ones; `-name` removes a built-in one. */
  reservedUsernames: string[];
  mail: {
    smtpUrl: string | null;
    /** PEM certificates, trusted for the mail server instead of the public authorities. */
    smtpCa: string | null;
    /** The name that this server gives itself when it connects to a mail server. */
    ehloName: string;
    from: string;
    /** Key that signs every mail. */
    dkim: {
      privateKey: string;
      selector: string;
      /** Null: the domain of `from`. */
      domain: string | null;
    } | null;
  };
  http: {
    corsOrigins: string[];
    /** Header fields that their pages may send, beyond our own and those of tracers. */
    corsHeaders: string[];
    /** Host names that are served; empty: any. */
    trustedHosts: string[];
    /** CIDR ranges of the proxies whose `X-Forwarded-*` headers are trusted. */
    trustedProxies: string[];
    /** Whether requests arrive with the path of `publicUrl`, or a proxy has removed it. */
    proxyPath: 'removed' | 'kept';
    /** Bytes. */
    bodyLimit: number;
    /** Milliseconds. */
    requestTimeout: number;
    /** `/docs`, `/redoc`, `/openapi.json`. */
    docs: boolean;
  };
  tokens: {
    algorithm: 'EdDSA' | 'ES256' | 'RS256';
    /** These three in milliseconds. */
    accessTtl: number;
    refreshIdleTtl: number;
    refreshAbsoluteTtl: number;
    /** Whether a cookie is bound to the browser that signed in. */
    refreshBinding: 'browser' | 'off';
    /** Maximum number of live sessions per user; more end those that were used least lately. */
    sessionLimit: number;
  };
  apiKeys: {
    enabled: boolean;
    /** Milliseconds. */
    maxTtl: number;
  };
  passwords: {
    minLength: number;
    /** A list of breached passwords: a file, or a directory of ranges. */
    breachPath: string | null;
    /** KiB. */
    argon2Memory: number;
    argon2Passes: number;
  };
  /** Null: there are no passkeys. */
  passkeys: {
    /** The domain that passkeys belong to. */
    rpId: string;
    /** Origins of pages, and of Android apps, that may use them. */
    origins: string[];
  } | null;
  /** Both in milliseconds: how long a key is active, and how long the audit log is kept. */
  keyRotation: number;
  eventRetention: number;
  /** Milliseconds that a new address from an administrator waits where the account has more roles than a new user. */
  emailMoveDelay: number;
  mfa: {
    /** Whom a sign-in asks to set up a second factor. */
    required: 'none' | 'roles' | 'all';
    /** These three in milliseconds. 0: no grace, and no trusted devices. */
    grace: number;
    trustTtl: number;
    resetDelay: number;
    selfRecovery: 'off' | 'delayed';
  };
  /** Whether unknown devices are asked for proofs of work when a client or an account is under attack. */
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
