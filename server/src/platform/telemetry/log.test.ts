import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { logOptions } from './log.ts';
import { toText } from './log-text.ts';

function logged(write: (log: pino.Logger) => void, level: Parameters<typeof logOptions>[0] = 'info') {
  const lines: string[] = [];
  write(pino(logOptions(level), { write: (line: string) => void lines.push(line) }));
  return lines;
}

test('secrets are censored, wherever they stand', () => {
  const [line = ''] = logged((log) => {
    const body = { password: 'hunter2', newPassword: 'hunter2', code: 'hunter2', login: 'ada' };
    const headers = { Authorization: 'hunter2', cookie: 'hunter2', 'Set-Cookie': ['hunter2'] };
    log.info({ token: 'hunter2', code: 'hunter2', request: { body, headers }, list: [{ secret: 'hunter2' }] }, 'hello');
  });
  assert.ok(!line.includes('hunter2'));
  const { request, token } = JSON.parse(line);
  assert.equal(token, '[redacted]');
  assert.equal(request.body.login, 'ada');
});

test('the object that was logged stays as it was', () => {
  const fields = { user: { password: 'hunter2' } };
  logged((log) => log.info(fields));
  assert.deepEqual(fields, { user: { password: 'hunter2' } });
});

test('errors keep their stack and code and lose their secrets; cycles do not hang', () => {
  const [line = ''] = logged((log) => {
    const error = Object.assign(new Error('no route'), { code: 'ECONNREFUSED', config: { password: 'hunter2' } });
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    log.error({ err: error, loop });
  });
  const { err } = JSON.parse(line);
  assert.equal(err.code, 'ECONNREFUSED');
  assert.match(err.stack, /log\.test/);
  assert.ok(!line.includes('hunter2'));
});

test('errors of Redis keep the name of their command, and lose what was sent with it, nested ones too', () => {
  const refused = () =>
    Object.assign(new Error('WRONGPASS'), { command: { name: 'hello', args: ['3', 'AUTH', 'default', 'hunter2'] } });
  const lines = logged((log) => {
    const error = Object.assign(new Error('all failed', { cause: refused() }), { lastNodeError: refused() });
    log.warn({ err: error });
    log.warn({ err: refused() });
    log.warn({ err: new AggregateError([refused()]) });
  });
  assert.equal(lines.length, 3);
  for (const line of lines) assert.ok(!line.includes('hunter2'), line);
  assert.equal(JSON.parse(lines[0] ?? '').err.lastNodeError.command.name, 'hello');
});

test('levels are words, times ISO 8601, and lower levels left out', () => {
  const lines = logged((log) => {
    log.debug('quiet');
    log.warn('loud');
  });
  assert.equal(lines.length, 1);
  const { level, time, msg, pid } = JSON.parse(lines[0] ?? '');
  assert.deepEqual([level, msg, pid], ['warn', 'loud', process.pid]);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('text: one line each, and no field or message can forge another', () => {
  const fields = {
    time: '2026-11-20T12:00:00.000Z',
    level: 'info',
    pid: 1,
    msg: 'a\nb',
    name: 'x\n2026 INFO forged',
    n: 3,
  };
  assert.equal(toText(JSON.stringify(fields)), '2026-11-20T12:00:00.000Z INFO  a b name="x\\n2026 INFO forged" n=3\n');
  const stack = toText(JSON.stringify({ time: 't', level: 'error', err: { stack: 'Error: x\n    at y' } }));
  assert.equal(stack, 't ERROR \n    Error: x\n        at y\n');
});

const SCRIPT = `
  import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
  const [format, file, end] = process.argv.slice(1);
  const log = createLog({ level: 'info', format, file: file || null, slowRequest: 1, slowQuery: 1 });
  for (let i = 0; i < 100; i += 1) log.info({ i }, 'line');
  if (end === 'throw') { log.fatal('over'); setImmediate(() => { throw new Error('over'); }); }
  if (end === 'exit') process.exit(3);
  if (end === 'late') setTimeout(() => { log.info('late'); process.exit(); }, 200);
`;

function run(...args: string[]): string[] {
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', ...args], {
    encoding: 'utf8',
  });
  return stdout.trimEnd().split('\n');
}

test('nothing is lost at the end, at an exit, or when the process breaks down', () => {
  for (const format of ['json', 'text']) {
    assert.equal(run(format, '', '').length, 100);
    assert.equal(run(format, '', 'exit').length, 100);
    assert.equal(run(format, '', 'throw').length, 101);
  }
});

test('a log file gets the same lines as standard output', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const output = run('json', join(folder, 'deep', 'app.log'), '');
  assert.equal(output.length, 100);
  assert.deepEqual(
    readFileSync(join(folder, 'deep', 'app.1.log'), 'utf8')
      .trimEnd()
      .split('\n'),
    output,
  );
});
