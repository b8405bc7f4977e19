import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogOutput } from './log-output.ts';

/** Milliseconds, on a machine that is busy with other tests. */
const PATIENCE = 20_000;
const LINE = `${'x'.repeat(99)}\n`;
const ROOM = 20 * LINE.length;

/** Logs for a while, says on standard error that it still lives, and ends by itself. */
const SCRIPT = `
  import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
  import { printSetupLink } from ${JSON.stringify(new URL('../process/supervisor.ts', import.meta.url).href)};
  const [format, file] = process.argv.slice(1);
  const log = createLog({ level: 'info', format, file: file || null, slowRequest: 1, slowQuery: 1 });
  printSetupLink('http://localhost/setup#token=x');
  const timer = setInterval(() => log.info('line'), 10);
  setTimeout(() => {
    clearInterval(timer);
    log.fatal('over');
    console.error('alive');
  }, 500);
`;

async function runOn(stdout: number | 'pipe' | 'ignore', format: string, file = '') {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', format, file], {
    stdio: ['ignore', stdout, 'pipe'],
    timeout: PATIENCE,
  });
  child.stdout?.destroy();
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, said };
}

const WELL = { code: 0, signal: null, said: 'alive\n' };

test('a full disk costs the log, not the server, which can also end', async () => {
  const full = openSync('/dev/full', 'w');
  try {
    for (const format of ['json', 'text']) assert.deepEqual(await runOn(full, format), WELL);
  } finally {
    closeSync(full);
  }
});

test('a reader that is gone costs the log, not the server', async () => {
  for (const format of ['json', 'text']) assert.deepEqual(await runOn('pipe', format), WELL);
});

test('a log file that cannot be written costs the log, not the server', async () => {
  assert.deepEqual(await runOn('ignore', 'json', '/dev/null/app.log'), WELL);
});

/** Both ends of a pipe that never blocks. */
function openPipe(t: TestContext): { fd: number; fill: () => void; read: () => string } {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-pipe-'));
  const path = join(dir, 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });
  const buffer = Buffer.alloc(1 << 20);
  const fill = () => {
    try {
      for (;;) writeSync(fd, 'z'.repeat(100));
    } catch {}
  };
  const read = () => {
    try {
      return buffer.toString('utf8', 0, readSync(fd, buffer));
    } catch {
      return '';
    }
  };
  return { fd, fill, read };
}

test('a reader that falls behind costs lines in the end, not memory, and they are counted', async (t) => {
  const { fd, fill, read } = openPipe(t);
  fill();
  const losses: number[] = [];
  const output = createLogOutput(fd, { piece: LINE.length, room: ROOM, onLost: (pieces) => losses.push(pieces) });
  const given = Array.from({ length: 100 }, (_, i) => String(i).padStart(LINE.length - 1));
  for (const line of given) output.write(`${line}\n`);
  assert.deepEqual(losses, []);
  let text = '';
  const readUntil = async (isEnough: () => boolean) => {
    for (const end = performance.now() + PATIENCE; !isEnough() && performance.now() < end; await sleep(10))
      text += read();
  };
  await readUntil(() => losses.length > 0);
  const [lost = 0] = losses;
  const kept = given.slice(0, given.length - lost);
  await readUntil(() => text.includes(kept.at(-1) ?? ''));
  output.write(LINE);
  await readUntil(() => text.endsWith(LINE));
  assert.deepEqual(text.replace(/^z+/, '').split('\n'), [...kept, LINE.trimEnd(), '']);
  assert.ok(kept.length >= ROOM / LINE.length && kept.length <= ROOM / LINE.length + 1);
  assert.equal(losses.length, 1);
});
