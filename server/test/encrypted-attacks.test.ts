import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { MINUTE } from '../src/platform/clock.ts';
import { openTestApp } from './app.ts';
import { createClient, ok } from './client.ts';
import { type DatabaseName, testDatabases } from './databases.ts';
import { encrypt, type PublicKeys, publicKeys } from './encryption.ts';
import { atOnce, openScene, refused, type Scene, somebody, tally, withScene } from './scenario.ts';

type Client = Scene['client'];

const person = somebody();

const logIn = (client: Client, encryptedPassword: unknown, login = person.email) =>
  client.send('POST', '/auth/login', { body: { login, encryptedPassword, tokenTransport: 'body' } });

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an encrypted password that is not quite as it should be', () => {
  let s: Scene;
  let keys: PublicKeys;
  let good: string;
  before(async () => {
    s = await openScene();
    await s.client.register(person);
  });
  after(() => s.close());

  /** A new nonce, and what works with it. */
  async function fresh(): Promise<void> {
    keys = await publicKeys(s);
    good = await encrypt(person.password, keys);
  }
  const withHeader = (header: unknown) => [encode(header), ...good.split('.').slice(1)].join('.');
  const header = () => ({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: keys.keys[0]?.kid, nonce: keys.nonce });

  /** Each is refused, and leaves the nonce good, so it was refused before any RSA. */
  async function refusedEarly(makeAll: () => [what: string, jwe: string][], code = 'encrypted_invalid'): Promise<void> {
    await fresh();
    for (const [what, jwe] of makeAll()) {
      assert.notEqual(jwe, good, what);
      refused(await logIn(s.client, jwe), 400, code);
    }
    ok(await logIn(s.client, good), 200);
  }

  test('of other algorithms', () =>
    refusedEarly(() => [
      ...[
        'dir',
        'RSA1_5',
        'RSA-OAEP',
        'RSA-OAEP-384',
        'RSA-OAEP-512',
        'A128KW',
        'A256GCMKW',
        'ECDH-ES',
        'none',
        '',
      ].map((alg): [string, string] => [alg, withHeader({ ...header(), alg })]),
      ...['A128GCM', 'A192GCM', 'A128CBC-HS256', 'A256CBC-HS512', 'none'].map((enc): [string, string] => [
        enc,
        withHeader({ ...header(), enc }),
      ]),
      ['PBES2', withHeader({ ...header(), alg: 'PBES2-HS512+A256KW', p2c: 2 ** 31, p2s: 'c2FsdA' })],
      ['p2c beside', withHeader({ ...header(), p2c: 2 ** 31, p2s: 'c2FsdA' })],
      ['case', withHeader({ ...header(), alg: 'rsa-oaep-256' })],
      ['dir, no key', `${encode({ ...header(), alg: 'dir' })}..${good.split('.').slice(2).join('.')}`],
    ]));

  test('with more, less or something else in its header', () =>
    refusedEarly(() => {
      const { alg, enc, kid, nonce } = header();
      return [
        ['zip', withHeader({ ...header(), zip: 'DEF' })],
        ['crit', withHeader({ ...header(), crit: ['nonce'] })],
        ['crit of nothing', withHeader({ ...header(), crit: [] })],
        ['b64', withHeader({ ...header(), crit: ['b64'], b64: false })],
        ['jwk', withHeader({ ...header(), jwk: keys.keys[0] })],
        ['jku', withHeader({ ...header(), jku: 'https://example.org/keys' })],
        ['typ', withHeader({ ...header(), typ: 'JWE' })],
        ['__proto__', withHeader(JSON.parse(`{"__proto__":{},${JSON.stringify(header()).slice(1)}`))],
        ['no kid', withHeader({ alg, enc, nonce })],
        ['no nonce', withHeader({ alg, enc, kid })],
        ['no alg', withHeader({ enc, kid, nonce })],
        ['no enc', withHeader({ alg, kid, nonce })],
        ['lists', withHeader({ ...header(), nonce: [nonce] })],
        ['number', withHeader({ ...header(), kid: 1 })],
        ['null', withHeader(null)],
        ['list', withHeader([header()])],
        ['text', withHeader('alg')],
        ['no JSON', ['e30x', ...good.split('.').slice(1)].join('.')],
        ['no UTF-8', [Buffer.from([0xff, 0xfe]).toString('base64url'), ...good.split('.').slice(1)].join('.')],
      ];
    }));

  test('that was deflated: a bomb is not unpacked', () =>
    refusedEarly(() => {
      const bomb = deflateRawSync(Buffer.alloc(10_000_000)).toString('base64url');
      const [, key, iv, , tag] = good.split('.');
      return [['bomb', [encode({ ...header(), zip: 'DEF' }), key, iv, bomb, tag].join('.')]];
    }));

  test('in another form', () =>
    refusedEarly(() => {
      const [protectedHeader = '', key, iv, ciphertext, tag] = good.split('.');
      const parts = good.split('.');
      return [
        ['nothing', '.'],
        ['four dots', '....'],
        ['four parts', parts.slice(0, 4).join('.')],
        ['six parts', `${good}.AA`],
        ['JSON', JSON.stringify({ protected: protectedHeader, encrypted_key: key, iv, ciphertext, tag })],
        ['space', ` ${good}`],
        ['line', `${good}\n`],
        ['padding', `${good}=`],
        ['base64', good.replace(/[-_]/g, '+')],
        ['NUL', `${good}\u0000`],
        ['long key', [protectedHeader, 'A'.repeat(684), iv, ciphertext, tag].join('.')],
        ['long header', withHeader({ ...header(), kid: 'x'.repeat(1024) })],
        ['short iv', [protectedHeader, key, 'AAAA', ciphertext, tag].join('.')],
        ['no iv', [protectedHeader, key, '', ciphertext, tag].join('.')],
        ['short tag', [protectedHeader, key, iv, ciphertext, tag?.slice(0, 16)].join('.')],
        ['no tag', [protectedHeader, key, iv, ciphertext, ''].join('.')],
        ['no header', ['', key, iv, ciphertext, tag].join('.')],
        // Each last character has two or four bits that mean nothing; the same bytes have one spelling here.
        ...parts.flatMap((part, i): [string, string][] => {
          const other = otherSpelling(part);
          return other === null ? [] : [[`spelling of ${i}`, parts.with(i, other).join('.')]];
        }),
      ];
    }));

  test('for another key', () =>
    refusedEarly(() =>
      ['', 'unknown', '01a1f900-0000-7000-8000-000000000000', '\u0000', '../etc'].map((kid) => [
        kid,
        withHeader({ ...header(), kid }),
      ]),
    ));

  test('with a nonce that this server never issued', () =>
    refusedEarly(() => {
      const bytes = Buffer.from(keys.nonce, 'base64url');
      const flipped = Array.from(bytes, (byte, i) => Buffer.from(bytes.with(i, byte ^ 1)).toString('base64url'));
      const others = [
        '',
        'x',
        keys.nonce.slice(0, -1),
        `${keys.nonce}A`,
        `${keys.nonce}\u0000`,
        'A'.repeat(79),
        'A'.repeat(500),
      ];
      return [...flipped, ...others].map((nonce) => [nonce, withHeader({ ...header(), nonce })]);
    }, 'nonce_invalid'));

  test('too long', async () => {
    await fresh();
    for (const jwe of ['A'.repeat(24_577), `${good}${'A'.repeat(24_577)}`, '.'.repeat(30_000)]) {
      refused(await logIn(s.client, jwe), 400, 'validation_failed');
    }
    ok(await logIn(s.client, good), 200);
  });

  test('of no text at all', async () => {
    for (const value of [null, 1, [], {}, [good], true]) {
      refused(await logIn(s.client, value), 400, 'validation_failed');
    }
  });

  for (const [i, part] of ['header', 'key', 'iv', 'ciphertext', 'tag'].entries()) {
    test(`tampered with in its ${part}: refused, and its nonce is gone if it came as far as RSA`, async () => {
      for (const at of [0, 0.3, 0.7, 1]) {
        await fresh();
        const parts = good.split('.');
        const bytes = Buffer.from(parts[i] ?? '', 'base64url');
        const place = Math.min(bytes.length - 1, Math.floor(at * bytes.length));
        bytes.writeUInt8(bytes.readUInt8(place) ^ 0x01, place);
        const answer = await logIn(s.client, parts.with(i, bytes.toString('base64url')).join('.'));
        if (part === 'header') {
          assert.ok(['encrypted_invalid', 'nonce_invalid'].includes(refused(answer, 400, answer.json().code).code));
          ok(await logIn(s.client, good), 200);
        } else {
          refused(answer, 400, 'encrypted_invalid');
          refused(await logIn(s.client, good), 400, 'nonce_invalid');
        }
      }
    });
  }

  test('encrypted with somebody else’s key, under our kid', async () => {
    await fresh();
    const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ format: 'jwk' });
    const [key] = keys.keys;
    assert.ok(key);
    const jwe = await encrypt(person.password, { ...keys, keys: [{ ...key, n, e }] });
    refused(await logIn(s.client, jwe), 400, 'encrypted_invalid');
  });

  test('of bytes that are no UTF-8', async () => {
    await fresh();
    const jwe = await encrypt(Buffer.concat([Buffer.from(person.password), Buffer.from([0xff])]), keys);
    refused(await logIn(s.client, jwe), 400, 'encrypted_invalid');
  });

  test('again, also for somebody else and on another route', async () => {
    await fresh();
    const { accessToken: token } = ok<{ accessToken: string }>(await logIn(s.client, good), 200);
    refused(await logIn(s.client, good), 400, 'nonce_invalid');
    refused(await logIn(s.client, good, 'nobody@example.com'), 400, 'nonce_invalid');
    const body = { encryptedPassword: good };
    refused(await s.client.send('POST', '/auth/reauthenticate', { body, token }), 400, 'nonce_invalid');
    // What is tampered with and replayed is refused for its nonce: no RSA was spent on it.
    const broken = good.replace(/\.[\w-]{43}/, `.${'A'.repeat(43)}`);
    refused(await logIn(s.client, broken), 400, 'nonce_invalid');
    // The nonce, not the text, is what was used up.
    refused(await logIn(s.client, await encrypt(person.password, keys)), 400, 'nonce_invalid');
  });

  test('two in one request: under one nonce, which is used once, and never under two', async () => {
    const { accessToken: token } = await s.client.login(person);
    const change = (encryptedCurrentPassword: string, encryptedNewPassword: string) => {
      const body = { encryptedCurrentPassword, encryptedNewPassword };
      return s.client.send('POST', '/auth/change-password', { token, body });
    };
    const [one, two] = [await publicKeys(s), await publicKeys(s)];
    const next = 'a new one for the new year';
    const current = await encrypt(person.password, one);
    refused(await change(current, await encrypt(next, two)), 400, 'nonce_invalid');
    ok(await change(current, await encrypt(next, one)), 204);
    refused(await change(await encrypt(next, one), await encrypt(person.password, one)), 400, 'nonce_invalid');
    ok(await change(await encrypt(next, two), await encrypt(person.password, two)), 204);
  });

  test('late: a nonce is good for five minutes, to the millisecond', async () => {
    await fresh();
    const other = await encrypt(person.password, await publicKeys(s));
    s.time.forward(5 * MINUTE - 1);
    ok(await logIn(s.client, good), 200);
    s.time.forward(1);
    refused(await logIn(s.client, other), 400, 'nonce_invalid');
  });
});

/** The same bytes spelt with other bits in the last character; null where it has none to spare. */
function otherSpelling(part: string): string | null {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  if (part.length % 4 === 0) return null;
  const last = alphabet.indexOf(part.slice(-1));
  return part.slice(0, -1) + alphabet.charAt(last + 1);
}

const SECRETS = ['the first secret of these tests, 012345', 'the other secret of these tests, 012345'] as const;

for (const { name, freshUrl } of testDatabases()) {
  const onDatabase = (run: (s: Scene) => Promise<void>, env = {}) => withScene(run, { freshUrl, env });

  describe(`an encrypted password serves once (${name})`, () => {
    test('of 50 who send it at once, one gets in', () =>
      onDatabase(async (s) => {
        const member = somebody();
        await s.client.register(member);
        for (let round = 0; round < 3; round++) {
          const jwe = await encrypt(member.password, await publicKeys(s));
          const answers = await atOnce(50, () => logIn(s.client, jwe, member.email));
          assert.deepEqual(tally(answers), { '200': 1, '400 nonce_invalid': 49 });
        }
      }));

    test('on one instance what another gave, with the key that both made at once; then on neither, and after a restart on none', () =>
      onDatabase(async (s) => {
        const member = somebody();
        await s.client.register(member);
        const open = async () => {
          const t = await openTestApp({ databaseUrl: s.databaseUrl, time: s.time });
          return { close: t.close, client: createClient(t) };
        };
        const beside = await open();
        const [here, there] = await Promise.all([publicKeys(s), publicKeys(beside)]);
        assert.deepEqual(there.keys, here.keys);
        const [one, two] = [await encrypt(member.password, here), await encrypt(member.password, there)];
        ok(await logIn(beside.client, one, member.email), 200);
        ok(await logIn(s.client, two, member.email), 200);
        // Two instances in one process block each other on SQLite, which has but one process anyway: there, one after the other.
        const jwe = await encrypt(member.password, await publicKeys(s));
        const clients = [s.client, beside.client];
        const answers =
          name === ('sqlite' satisfies DatabaseName)
            ? [await logIn(s.client, jwe, member.email), await logIn(beside.client, jwe, member.email)]
            : await atOnce(50, (i) => logIn(clients[i % 2] ?? s.client, jwe, member.email));
        assert.deepEqual(tally(answers), { '200': 1, '400 nonce_invalid': answers.length - 1 });
        await beside.close();
        const next = await open();
        for (const used of [one, two, jwe]) {
          refused(await logIn(next.client, used, member.email), 400, 'nonce_invalid');
          refused(await logIn(s.client, used, member.email), 400, 'nonce_invalid');
        }
        await next.close();
      }));

    test('across a change of SECRET_KEY: nonces of the previous one are good, those of a forgotten one are not; the key stays', () =>
      onDatabase(
        async (s) => {
          const member = somebody();
          await s.client.register(member);
          const keys = await publicKeys(s);
          const later = await publicKeys(s);
          const open = async (env: Record<string, string>) => {
            const t = await openTestApp({ databaseUrl: s.databaseUrl, time: s.time, env });
            return { close: t.close, client: createClient(t) };
          };
          const changed = await open({ SECRET_KEY: SECRETS[1], SECRET_KEY_PREVIOUS: SECRETS[0] });
          ok(await logIn(changed.client, await encrypt(member.password, keys), member.email), 200);
          assert.deepEqual((await publicKeys(changed)).keys, keys.keys);
          const replayed = await encrypt(member.password, keys);
          refused(await logIn(changed.client, replayed, member.email), 400, 'nonce_invalid');
          await changed.close();

          const forgotten = await open({ SECRET_KEY: SECRETS[1] });
          const old = await encrypt(member.password, later);
          refused(await logIn(forgotten.client, old, member.email), 400, 'nonce_invalid');
          const current = await publicKeys(forgotten);
          assert.deepEqual(current.keys, keys.keys);
          ok(await logIn(forgotten.client, await encrypt(member.password, current), member.email), 200);
          await forgotten.close();
        },
        { SECRET_KEY: SECRETS[0] },
      ));
  });
}
