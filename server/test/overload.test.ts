import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from './client.ts';
import { atOnce, refused, somebody, tally, withScene } from './scenario.ts';
import { withWatchedScene } from './watched-app.ts';

/** No wait at all: one for each computation at a time may wait, and no more. */
const IMPATIENT = { longestWait: 1 };
const FLOOD = 60;

test('a flood of sign-ins: some are served, the others hear 503 at once, before anything is read; then all is well', () =>
  withScene(async ({ app, client }) => {
    const person = somebody();
    const { accessToken: token } = await client.register(person);
    const { hashes } = app.hasher.stats();
    const answers = await atOnce(FLOOD, (index) =>
      client.send('POST', '/auth/login', {
        body: { login: index % 2 ? person.email : `nobody${index}@example.com`, password: person.password },
      }),
    );
    const counts = tally(answers);
    const served = (counts['200'] ?? 0) + (counts['401 invalid_credentials'] ?? 0);
    assert.ok(served > 0, JSON.stringify(counts));
    assert.equal(served + (counts['503 overloaded'] ?? 0), FLOOD, JSON.stringify(counts));
    assert.ok((counts['503 overloaded'] ?? 0) > 0);
    assert.equal(app.hasher.stats().hashes - hashes, served, 'nothing is hashed for those turned away');
    for (const answer of answers) if (answer.statusCode === 503) refused(answer, 503, 'overloaded');
    ok(await client.send('GET', '/users/me', { token }), 200);
    await client.login(person);
  }, IMPATIENT));

test('of many who come at once, nobody is let in and then refused: only who is served is looked up', () =>
  withWatchedScene(async ({ client, log }) => {
    const person = somebody();
    await client.register(person);
    await client.login(person);
    const before = log.length;
    const { email, password } = person;
    const answers = await atOnce(FLOOD, () => client.send('POST', '/auth/login', { body: { email, password } }));
    const counts = tally(answers);
    assert.ok((counts['503 overloaded'] ?? 0) > 0, JSON.stringify(counts));
    const lookups = log
      .slice(before)
      .filter((line) => /"sql":"select .* from \\"users\\" where \\"email_norm/.test(line));
    assert.equal(lookups.length, counts['200'], JSON.stringify(counts));
  }, IMPATIENT));

test('while hashing has no room, sign-ins and registrations are turned away unread, and everything else is served', () =>
  withScene(async ({ app, client }) => {
    const person = somebody();
    const { accessToken: token, refreshToken } = await client.register(person);
    const busy: Promise<unknown>[] = [];
    while (app.hasher.refusal() === null) busy.push(app.hasher.hash('whatever'));
    // No JSON at all: whoever read it would answer 400.
    const unread = { headers: { 'content-type': 'application/json' }, body: '{' };
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'username=x' };
    const underWay = [
      client.send('POST', '/auth/login', unread),
      client.send('POST', '/auth/login', form),
      client.send('POST', '/auth/token', form),
      client.send('POST', '/auth/register', unread),
    ];
    for (const answer of await Promise.all(underWay)) refused(answer, 503, 'overloaded');
    await Promise.all(busy);
    ok(await client.send('GET', '/users/me', { token }), 200);
    ok(await client.send('POST', '/auth/refresh', { body: { refreshToken } }), 200);
    await client.login(person);
  }, IMPATIENT));
