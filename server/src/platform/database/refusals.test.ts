import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoServerError } from 'mongodb';
import { isUnavailable, unavailable } from './errors.ts';
import { createRefusals } from './refusals.ts';

const coded = (fields: object) => Object.assign(new Error('no'), fields);
const mongo = (code: number) => new MongoServerError({ code, errmsg: 'no' });

/** As the drivers report a database that is read-only, or whose disk is full. */
const REFUSED: Record<string, Error> = {
  'PostgreSQL, read-only': coded({ code: '25006' }),
  'PostgreSQL, full': coded({ code: '53100' }),
  'MySQL, read-only': coded({ code: 'ER_OPTION_PREVENTS_STATEMENT', errno: 1290 }),
  'MySQL, InnoDB read-only': coded({ code: 'ER_READ_ONLY_MODE', errno: 1836 }),
  'MySQL, full': coded({ code: 'ER_DISK_FULL', errno: 1021 }),
  'MySQL, table full': coded({ code: 'ER_RECORD_FILE_FULL', errno: 1114 }),
  'SQLite, read-only': coded({ code: 'ERR_SQLITE_ERROR', errcode: 1032 }),
  'SQLite, full': coded({ code: 'ERR_SQLITE_ERROR', errcode: 13 }),
  'MongoDB, not primary': mongo(10107),
  'MongoDB, writes blocked': mongo(371),
  'MongoDB, full': mongo(14031),
};

test('what a database that takes no writes answers is a 503, and noted, also within one', () => {
  for (const [name, error] of Object.entries(REFUSED)) {
    assert.ok(isUnavailable(error), name);
    for (const noted of [error, unavailable(error)]) {
      const refusals = createRefusals();
      refusals.note(noted);
      assert.equal(refusals.last()?.error, noted, name);
    }
  }
});

test('each refusal is another one; an outage, a lost race and a missing privilege are none', () => {
  const refusals = createRefusals();
  const others = [
    coded({ code: 'ECONNREFUSED' }),
    coded({ code: '40P01' }),
    coded({ code: '42501' }),
    coded({ errcode: 5 }),
  ];
  for (const error of [...others, mongo(91), null, 'x']) refusals.note(error);
  assert.equal(refusals.last(), null);
  const full = coded({ code: '53100' });
  refusals.note(full);
  const first = refusals.last();
  refusals.note(full);
  assert.notEqual(refusals.last(), first);
});
