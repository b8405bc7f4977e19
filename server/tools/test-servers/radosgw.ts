import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import type { Config } from '../../src/platform/config/config.ts';
import type { Scratch } from './scratch.ts';
import { findBinary, onFreePort, run, startProcess, untilReady } from './server-process.ts';

/** Debian's packages of an S3-compatible object storage (Ceph), and of a client of it. */
export const RADOSGW_PACKAGES = ['radosgw', 'ceph-mon', 'ceph-osd', 's3cmd'];
const PROGRAMS = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'monmaptool', 'ceph-authtool', 's3cmd'];
const FOLDERS = ['/usr/bin', '/usr/local/bin'];

/** Whether all programs of a private storage are on this machine. */
export const hasRadosgw = (): boolean => PROGRAMS.every((name) => findBinary([name], FOLDERS) !== null);

/** Its version; null if there is none. */
export async function radosgwVersion(): Promise<string | null> {
  if (!hasRadosgw()) return null;
  return (await run(['radosgw', '--version'])).replace(/\s*\(.*/s, '').replace('ceph version', 'Ceph RADOS Gateway');
}

type Settings = Record<string, string | number>;

/** One monitor, one object store in memory, no copies: pools are made within milliseconds instead of seconds. */
const SMALL: Settings = {
  log_to_stderr: 'true',
  log_file: '',
  admin_socket: '',
  pid_file: '',
  mon_initial_members: 'a',
  public_addr: '127.0.0.1',
  cluster_addr: '127.0.0.1',
  auth_cluster_required: 'cephx',
  auth_service_required: 'cephx',
  auth_client_required: 'cephx',
  osd_objectstore: 'memstore',
  memstore_device_bytes: 8 * 1024 ** 3,
  osd_pool_default_size: 1,
  osd_pool_default_min_size: 1,
  osd_pool_default_pg_num: 1,
  osd_pool_default_pgp_num: 1,
  osd_pool_default_pg_autoscale_mode: 'off',
  osd_crush_chooseleaf_type: 0,
  osd_max_object_name_len: 256,
  osd_max_object_namespace_len: 64,
  mon_allow_pool_size_one: 'true',
  mon_max_pg_per_osd: 1000,
  paxos_propose_interval: 0.02,
  paxos_min_wait: 0.01,
  rgw_override_bucket_index_max_shards: 1,
  rgw_thread_pool_size: 32,
  rgw_dns_name: 'localhost',
};

const KEYS: Record<string, string[]> = {
  'mon.': ['mon', 'allow *'],
  'client.admin': ['mon', 'allow *', 'osd', 'allow *', 'mgr', 'allow *'],
  'osd.0': ['mon', 'allow profile osd', 'osd', 'allow *'],
};

export type Bucket = NonNullable<Config['s3']>;

/** Starts a storage of its own on 127.0.0.1, with an empty bucket; `makeBucket` makes more. */
export async function launchRadosgw(
  scratch: Scratch,
): Promise<
  { s3: Bucket; makeBucket(name: string, options?: { versioned: boolean }): Promise<Bucket> } | { missing: string }
> {
  if (!hasRadosgw()) return { missing: 'not all of Ceph was found' };
  const home = join(scratch.dir, 'radosgw');
  for (const part of ['mon', 'osd', 'rgw', 'run']) mkdirSync(join(home, part), { recursive: true, mode: 0o700 });
  const conf = join(home, 'ceph.conf');
  const keyring = join(home, 'keyring');
  const monmap = join(home, 'monmap');
  const log = (name: string) => join(home, `${name}.log`);
  const fsid = randomUUID();
  const settings: Settings = { ...SMALL, fsid, keyring, run_dir: join(home, 'run') };
  for (const part of ['mon', 'osd']) settings[`${part}_data`] = join(home, part);
  settings.rgw_data = join(home, 'rgw');
  const configure = (more: Settings) => {
    Object.assign(settings, more);
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(conf, ['[global]', ...lines, ''].join('\n'));
  };
  const start = (name: string, command: string[]) =>
    startProcess(scratch, { command: [...command, '-f', '-c', conf], log: log(name), end: 'KILL', cwd: home });
  const ceph = (...args: string[]) => run(['ceph', '-c', conf, '--connect-timeout', '5', ...args]);

  for (const [name, caps] of Object.entries(KEYS)) {
    const pairs = caps.flatMap((cap, i) => (i % 2 === 0 ? ['--cap', cap] : [cap]));
    const create = name === 'mon.' ? ['--create-keyring'] : [];
    await run(['ceph-authtool', ...create, keyring, '--gen-key', '-n', name, ...pairs]);
  }

  await onFreePort(async (port) => {
    configure({ mon_host: `v2:127.0.0.1:${port}` });
    await run(['monmaptool', '--clobber', '--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${port}]`, monmap]);
    await run(['ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap, '--keyring', keyring, '-c', conf]);
    await untilReady(start('mon', ['ceph-mon', '-i', 'a']), log('mon'), () => ceph('fsid'));
  });
  const osd = randomUUID();
  await ceph('osd', 'new', osd);
  await run(['ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd, '-c', conf]);
  start('osd', ['ceph-osd', '-i', '0']);

  const [accessKey, secretKey] = [randomBytes(10).toString('hex'), randomBytes(20).toString('hex')];
  const endpoint = await onFreePort(async (port) => {
    configure({ rgw_frontends: `beast endpoint=127.0.0.1:${port}` });
    const gateway = start('rgw', ['radosgw', '-n', 'client.admin']);
    const url = `http://127.0.0.1:${port}`;
    await untilReady(gateway, log('rgw'), async () => (await fetch(url)).text());
    return url;
  });
  const names = ['--uid=ostiary', '--display-name=ostiary', `--access-key=${accessKey}`, `--secret-key=${secretKey}`];
  await run(['radosgw-admin', '-c', conf, 'user', 'create', ...names]);

  async function makeBucket(bucket: string, { versioned } = { versioned: false }): Promise<Bucket> {
    const client = new AwsClient({
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      service: 's3',
      region: 'us-east-1',
    });
    const put = async (query: string, body?: string) => {
      const answer = await client.fetch(`${endpoint}/${bucket}${query}`, { method: 'PUT', ...(body && { body }) });
      if (!answer.ok) throw new Error(`The bucket was not made: ${answer.status} ${await answer.text()}`);
    };
    await put('');
    const enabled = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    if (versioned) await put('?versioning', enabled);
    const keys = { accessKey, secretKey, sessionToken: null };
    return {
      endpoint,
      publicEndpoint: endpoint,
      region: 'us-east-1',
      bucket,
      ...keys,
      addressing: 'path',
      checksums: true,
    };
  }
  return { s3: await makeBucket('ostiary-files'), makeBucket };
}
