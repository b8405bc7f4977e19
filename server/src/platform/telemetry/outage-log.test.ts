import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createOutageLog } from './outage-log.ts';

test('an outage is told when it begins and when it ends, once', () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line).msg) });
  const outage = createOutageLog(log, 'reading');
  outage.worked();
  for (let i = 0; i < 3; i++) outage.failed(new Error('away'));
  outage.worked();
  outage.worked();
  outage.failed(new Error('away'));
  const fails = 'reading fails; it is retried until it works';
  assert.deepEqual(lines, [fails, 'reading works again', fails]);
});
