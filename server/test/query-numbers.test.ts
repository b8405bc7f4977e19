import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, idOf, withWorld } from './administration.ts';
import { resolve } from './openapi-document.ts';
import { refused } from './scenario.ts';

/** What `Number` or a lenient parser takes for a number, and what is none within any bounds. */
const NO_NUMBERS = [
  ...['Infinity', '-Infinity', '+Infinity', 'NaN', '1e309', '-1e309', '1e3', '1E2', '1e-7', '0x10', '0b11', '0o17'],
  ...['%207', '7%20', '7%00', '%EF%BB%BF7', '7%0A', '%E2%80%8B7', '+7', '%2B7', '--7', '-0', '07', '1.0', '1.', '.5'],
  ...['', '%20', 'null', 'true', 'undefined', '[]', '1,000', '1_000', '1%C2%A0000', '7n', '%D9%A3', '%EF%BC%97'],
  ...['9007199254740993', '99999999999999999999', `1${'0'.repeat(400)}`, '-1', '1e0'],
];

test('no list takes anything for a number that is not a decimal integer within its bounds', () =>
  withWorld(async (w) => {
    const document = await w.app.http.openapi();
    const id = await idOf(w);
    let tried = 0;
    for (const [path, item] of Object.entries(document.paths)) {
      const parameters = (item.get?.parameters ?? []) as unknown[];
      for (const parameter of parameters) {
        const {
          name,
          in: place,
          schema,
        } = resolve(document, parameter) as {
          name: string;
          in: string;
          schema: { type?: string };
        };
        if (place !== 'query' || (schema.type !== 'integer' && schema.type !== 'number')) continue;
        const url = path.replace('/api/v1', '').replaceAll(/\{[^}]+\}/g, id);
        for (const text of NO_NUMBERS) {
          // With a cursor, too: nothing else may then bound the size of a page.
          for (const more of ['', '&cursor=']) {
            const answer = await w.client.send('GET', `${url}?${name}=${text}${more}`, { token: w.root });
            assert.equal(answer.statusCode, 400, `${url}?${name}=${text}${more}`);
          }
        }
        tried += 1;
      }
    }
    assert.ok(tried >= 10, `${tried} parameters were tried`);
  }));

test('neither switches: a text is true, false or refused', () =>
  withWorld(async (w) => {
    for (const text of ['1', '0', 'TRUE', 'yes', '', 'null', '%20true'])
      refused(await admin(w, 'GET', `/users?verified=${text}`), 400, 'validation_failed');
    for (const text of ['true', 'false'])
      assert.equal((await admin(w, 'GET', `/users?verified=${text}`)).statusCode, 200);
  }));
