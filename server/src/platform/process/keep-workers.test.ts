import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { keepWorkers } from './keep-workers.ts';

/** For a start on a machine that is busy with other tests. Milliseconds. */
const PATIENCE = 20_000;

/**
 * A worker that leaves a file of its process id, and obeys: it ends at once where a file `broken` lies, does not heed its orders where
 * a file `deaf` does, and otherwise is ready, and ends with the code in its second argument when it is told to.
 */
const PROGRAM = `
  import { existsSync, writeFileSync } from 'node:fs';
  const [, , dir, code] = process.argv;
  writeFileSync(dir + '/' + process.pid, '');
  if (existsSync(dir + '/broken')) process.exit(7);
  process.on('message', () => {
    if (existsSync(dir + '/deaf')) return;
    process.exit(Number(code));
  });
  process.send({ ready: true, setupLink: null });
`;

/** Workers of that program, what came of them so far, and their end. */
function staff(
  t: TestContext,
  { count, code = 0, stopLimit = PATIENCE }: { count: number; code?: number; stopLimit?: number },
) {
  const dir = mkdtempSync(join(tmpdir(), 'ostiary-workers-'));
  const program = { exec: join(dir, 'program.mjs'), args: [dir, String(code)] };
  writeFileSync(program.exec, PROGRAM);
  const lines: { level: number; msg: string; pause?: number }[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const ready: number[] = [];
  const workers = keepWorkers({ count, program, stopLimit, log, onReady: () => void ready.push(performance.now()) });
  t.after(async () => {
    for (const pid of alive()) process.kill(pid, 'SIGKILL');
    await workers.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const launched = () => readdirSync(dir).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  const alive = () => launched().filter(isAlive);
  const told = (text: RegExp) => lines.filter(({ msg }) => text.test(msg));
  const write = (name: string) => writeFileSync(join(dir, name), '');
  const remove = (name: string) => rmSync(join(dir, name));
  return { workers, lines, ready, launched, alive, told, write, remove };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE; !isSo(); await sleep(5)) {
    if (performance.now() > end) assert.fail(`never: ${isSo}`);
  }
}

test('as many as asked for, one first; all end when told', async (t) => {
  const { workers, ready, alive, lines } = staff(t, { count: 3 });
  assert.equal(await workers.start(), true);
  assert.equal(ready.length, 1, 'the others come after the first');
  await until(() => ready.length === 3);
  assert.equal(alive().length, 3);
  assert.equal(await workers.stop(), true);
  assert.deepEqual(alive(), []);
  assert.deepEqual(lines, []);
});

test('a first worker that does not come up is not tried again', async (t) => {
  const { workers, write, launched } = staff(t, { count: 3 });
  write('broken');
  assert.equal(await workers.start(), false);
  await sleep(300);
  assert.equal(launched().length, 1);
});

test('whoever stops before the first worker is ready has stopped, and nothing went wrong', async (t) => {
  const { workers, alive } = staff(t, { count: 3 });
  const started = workers.start();
  assert.equal(await workers.stop(), true);
  assert.equal(await started, true);
  assert.deepEqual(alive(), []);
});

test('one that is killed is replaced at once; those that end again and again after growing pauses, until all is well', async (t) => {
  const { workers, ready, alive, launched, told, write, remove } = staff(t, { count: 2 });
  await workers.start();
  await until(() => ready.length === 2);
  write('broken');
  process.kill(alive()[0] ?? 0, 'SIGKILL');
  await until(() => told(/workers end soon/).length === 3);
  assert.deepEqual(
    told(/workers end soon/).map(({ pause }) => pause),
    [250, 500, 1000],
  );
  assert.equal(launched().length, 5, 'one at once, two after pauses');
  remove('broken');
  await until(() => ready.length === 3);
  await sleep(300);
  assert.equal(alive().length, 2, 'no more than were asked for');
});

test('a rolling restart replaces each, and never has fewer than asked for', async (t) => {
  const { workers, ready, alive } = staff(t, { count: 3 });
  await workers.start();
  await until(() => ready.length === 3);
  const before = alive();
  let fewest = Number.POSITIVE_INFINITY;
  const watch = setInterval(() => {
    fewest = Math.min(fewest, alive().length);
  }, 1);
  await workers.roll();
  clearInterval(watch);
  assert.equal(fewest, 3);
  assert.equal(alive().length, 3);
  assert.ok(before.every((pid) => !alive().includes(pid)));
});

test('restarts that are asked for meanwhile become one more', async (t) => {
  const { workers, ready } = staff(t, { count: 2 });
  await workers.start();
  await until(() => ready.length === 2);
  await Promise.all(Array.from({ length: 50 }, () => workers.roll()));
  await until(() => ready.length === 6);
  await workers.roll();
  assert.equal(ready.length, 8);
});

test('a rolling restart whose new worker does not start keeps the others', async (t) => {
  const { workers, ready, alive, told, write } = staff(t, { count: 2 });
  await workers.start();
  await until(() => ready.length === 2);
  const before = alive();
  write('broken');
  await workers.roll();
  assert.equal(told(/aborted/).length, 1);
  await sleep(300);
  assert.deepEqual(alive(), before);
});

test('an old worker that dies while its successor starts has its replacement in it', async (t) => {
  const { workers, ready, alive, launched } = staff(t, { count: 2 });
  await workers.start();
  await until(() => ready.length === 2);
  const [first = 0] = launched().sort((a, b) => a - b);
  const rolled = workers.roll();
  process.kill(first, 'SIGKILL');
  await rolled;
  await sleep(300);
  assert.equal(alive().length, 2);
  assert.ok(!alive().includes(first));
});

test('a worker that does not end when told is killed, and the end was no good one', async (t) => {
  const { workers, alive, told, write } = staff(t, { count: 1, stopLimit: 100 });
  await workers.start();
  write('deaf');
  assert.equal(await workers.stop(), false);
  assert.equal(told(/is killed/).length, 1);
  assert.deepEqual(alive(), []);
});

test('a worker that ends with another exit code than 0 makes it no good end', async (t) => {
  const { workers, told } = staff(t, { count: 1, code: 3 });
  await workers.start();
  assert.equal(await workers.stop(), false);
  assert.equal(told(/ended with an error/).length, 1);
});

test('where the system makes no more processes, it is tried again', async (t) => {
  const { workers, ready, alive, told } = staff(t, { count: 2 });
  await workers.start();
  await until(() => ready.length === 2);
  const { execPath } = process;
  // Node starts workers by this path.
  process.execPath = '/nonexistent';
  process.kill(alive()[0] ?? 0, 'SIGKILL');
  await until(() => told(/ended unexpectedly/).length >= 2);
  process.execPath = execPath;
  await until(() => ready.length === 3);
});
