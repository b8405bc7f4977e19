import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Vector } from '../../server/src/platform/crypto/hash-formats/vectors.ts';
import { cpuSeconds, residentMemory } from './process-usage.ts';

const BIN = fileURLToPath(new URL('../../server/bin/ostiary.js', import.meta.url));
const LOOK_EVERY = 20;

const FIRST = 'ann bob carla dan eva fritz greta hans ida jan karl lena max nora otto paula rosa sven tina uwe'.split(
  ' ',
);
const LAST = 'smith müller garcía tanaka kim li wang novak rossi dubois silva kowalski jensen hansen weber'.split(' ');
/** Odd, so that names and addresses come in no order, as real ones do. */
const SCATTER = 2_654_435_761n;

/** The address of the person with this number, from 0. */
export const importedEmail = (index: number) =>
  `${FIRST[index % FIRST.length]}.${scattered(index)}@mail${index % 97}.example.com`;

const scattered = (index: number) => ((BigInt(index) * SCATTER) % 2n ** 32n).toString(16).padStart(8, '0');

/**
 * Writes a CSV of so many people, as a template of FastAPI has them; their hashes are those of the vectors, in turns. The first of each
 * are verified.
 */
export async function writePeople(path: string, count: number, vectors: readonly Vector[]): Promise<void> {
  const file = createWriteStream(path);
  file.write('id,email,username,full_name,hashed_password,is_active,is_verified,created_at,role\n');
  for (let i = 0; i < count; i++) {
    const name = `${FIRST[i % FIRST.length]} ${LAST[i % LAST.length]}`;
    const hash = vectors[i % vectors.length]?.stored ?? '';
    const created = new Date(1_500_000_000_000 + i * 1000).toISOString();
    const line = `${i + 1},${importedEmail(i)},${name.slice(0, 3)}${scattered(i)},${name},"${hash}",t,${i < vectors.length || i % 3 ? 't' : 'f'},${created},member\n`;
    if (!file.write(line)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
}

export interface ImportRun {
  /** Seconds, the start of the process included. */
  duration: number;
  /** Seconds of processor time of the importer alone, of all its threads. */
  cpu: number;
  /** The most resident memory that was seen, in MB. */
  memory: number;
  stdout: string;
}

/** Runs `ostiary import` on a file; kills it without warning once `isDue` says so, which is asked all the time. Throws if it fails by itself. */
export async function runImportCommand(
  file: string,
  options: { env: Record<string, string>; cwd: string; isDue: () => Promise<boolean> },
): Promise<ImportRun & { killed: boolean }> {
  const { PATH = '', TMPDIR } = process.env;
  const args = [BIN, 'import', file, '--as', 'bench'];
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { PATH, ...(TMPDIR && { TMPDIR }), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  let memory = 0;
  let cpu = 0;
  let killed = false;
  let isAsking = false;
  const watch = setInterval(async () => {
    memory = Math.max(memory, (residentMemory(child.pid ?? -1) ?? 0) / 1e6);
    cpu = Math.max(cpu, cpuSeconds(child.pid ?? -1) ?? 0);
    if (isAsking || killed) return;
    isAsking = true;
    if (await options.isDue()) {
      killed = true;
      child.kill('SIGKILL');
    }
    isAsking = false;
  }, LOOK_EVERY);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (!killed && code !== 0) throw new Error(`ostiary import ended with ${code}: ${stderr}`);
  return { duration: (performance.now() - begun) / 1000, cpu, memory, stdout, killed };
}
