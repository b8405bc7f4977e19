import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ENGINE_FOLDER, engineInstalled, engineNode, RUNTIME_FOLDER } from './mongodb.ts';
import { findBinary, run } from './server-process.ts';

/** Debian's release whose C library is new enough, and the packages that carry it. */
const NEWER_RELEASE = 'trixie';
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Prepares the embedded MongoDB: the engine by its own lock file, and a newer C library beside it if
 * the system's is too old. Does nothing if both are there. Throws the error that prevented it.
 */
export async function prepareMongodb(): Promise<void> {
  if (!engineInstalled()) await run(['npm', 'ci', '--no-audit', '--no-fund'], { cwd: ENGINE_FOLDER });
  if (engineNode() === null) await fetchRuntime();
  if (engineNode() === null) throw new Error(`no dynamic loader among the files of ${PACKAGES.join(', ')}`);
}

/** The mirror of this machine's apt, which is also used for the newer release. */
async function configuredMirror(): Promise<string> {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const indexes = await run(['apt-get', 'update', '--print-uris']);
  const mirror = [...indexes.matchAll(/^'(\S+)\/dists\/(\w+)\/InRelease'/gm)].find(([, , suite]) => suite === codename);
  if (mirror?.[1] === undefined) throw new Error(`apt has no source for ${codename ?? 'this release'}`);
  return mirror[1];
}

/**
 * Downloads and unpacks the packages with apt, which checks their signatures, but with lists, cache and sources of its
 * own: the system's apt keeps no trace of the newer release and can never upgrade to it by accident.
 */
async function fetchRuntime(): Promise<void> {
  if (findBinary(['apt-get'], ['/usr/bin']) === null || !existsSync(KEYRING)) {
    throw new Error('the embedded MongoDB needs glibc 2.38 or later, and only on Debian is a newer one fetched');
  }
  const scratch = mkdtempSync(join(tmpdir(), 'ostiary-runtime-'));
  try {
    // apt downloads as a user of its own, who must reach these folders.
    chmodSync(scratch, 0o755);
    for (const folder of ['lists/partial', 'cache/archives/partial', 'state', 'debs']) {
      mkdirSync(join(scratch, folder), { recursive: true });
    }
    writeFileSync(join(scratch, 'state/status'), '');
    const source = `deb [signed-by=${KEYRING}] ${await configuredMirror()} ${NEWER_RELEASE} main\n`;
    writeFileSync(join(scratch, 'sources.list'), source);
    const settings = {
      'Dir::State': join(scratch, 'state'),
      'Dir::State::status': join(scratch, 'state/status'),
      'Dir::State::lists': join(scratch, 'lists'),
      'Dir::Cache': join(scratch, 'cache'),
      'Dir::Etc::sourcelist': join(scratch, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      // Hooks in the system's apt.conf.d would act on packages that do not concern them.
      'Dir::Etc::parts': '/dev/null',
      'Acquire::Languages': 'none',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    const transport = await run(['apt-config', 'dump', '--format', '%F "%v";%n', 'Acquire::http', 'Acquire::https']);
    writeFileSync(join(scratch, 'apt.conf'), `${lines.join('')}${transport}`, { mode: 0o600 });
    const env = { ...process.env, APT_CONFIG: join(scratch, 'apt.conf') };

    await run(['apt-get', '-q', 'update'], { env });
    await run(['apt-get', '-q', 'download', ...PACKAGES], { env, cwd: join(scratch, 'debs') });
    const unpacked = join(scratch, 'unpacked');
    for (const file of globSync(join(scratch, 'debs/*.deb'))) await run(['dpkg', '-x', file, unpacked]);
    await keepLibraries(unpacked);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Puts the shared libraries into the runtime folder: complete or not at all, so that a broken run is repeated. */
async function keepLibraries(unpacked: string): Promise<void> {
  const loader = globSync(join(unpacked, 'usr/lib/*/ld-linux-*.so.*'))[0];
  if (loader === undefined) throw new Error('the packages contain no dynamic loader');
  const incomplete = join(RUNTIME_FOLDER, 'incomplete');
  const libraries = join(RUNTIME_FOLDER, 'usr/lib');
  rmSync(RUNTIME_FOLDER, { recursive: true, force: true });
  mkdirSync(incomplete, { recursive: true });
  mkdirSync(libraries, { recursive: true });
  await run(['cp', '-a', dirname(loader), incomplete]);
  await run(['mv', join(incomplete, basename(dirname(loader))), libraries]);
}
