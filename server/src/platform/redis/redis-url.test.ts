import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidValue } from '../config/config-error.ts';
import { redisUrl } from '../config/parse-addresses.ts';
import { type RedisAddress, readRedisUrl } from './redis-url.ts';

const LOCAL: RedisAddress = {
  kind: 'single',
  nodes: [{ host: 'localhost', port: 6379 }],
  username: undefined,
  password: undefined,
  tls: false,
  db: 0,
  sentinel: null,
};
const node = (host: string, port: number) => ({ host, port });
const watched = (master: string) => ({ master, username: undefined, password: undefined });

const GOOD: Record<string, Partial<RedisAddress>> = {
  'redis://localhost': {},
  'redis://localhost/': {},
  'redis://localhost:6379/0': {},
  'REDIS://LocalHost': {},
  'redis://localhost:80': { nodes: [node('localhost', 80)] },
  'redis://localhost:65535': { nodes: [node('localhost', 65_535)] },
  'redis://localhost/15': { db: 15 },
  'rediss://localhost': { tls: true },
  'redis://10.0.0.7:7000': { nodes: [node('10.0.0.7', 7000)] },
  'redis://[::1]': { nodes: [node('::1', 6379)] },
  'redis://[2001:DB8::7]:7000/3': { nodes: [node('2001:db8::7', 7000)], db: 3 },

  'redis://:secret@localhost': { password: 'secret' },
  'redis://ann:secret@localhost': { username: 'ann', password: 'secret' },
  'redis://ann@localhost': { username: 'ann' },
  'redis://ann:@localhost': { username: 'ann' },
  'redis://:@localhost': {},
  'redis://@localhost': {},
  'redis://:a:b@localhost': { password: 'a:b' },
  'redis://an%6E:%40%2F%3F%23%3A%25%20%2B+@localhost': { username: 'ann', password: '@/?#:% ++' },
  'redis://:p%C3%A4ss,w@localhost': { password: 'päss,w' },

  'redis+sentinel://localhost?master=main': {
    kind: 'sentinel',
    nodes: [node('localhost', 26_379)],
    sentinel: watched('main'),
  },
  'rediss+sentinel://:data@s1,s2:7001,[::2]:7002,[::3]/4?master=my%20main&sentinelUsername=eve&sentinelPassword=a%26b':
    {
      kind: 'sentinel',
      nodes: [node('s1', 26_379), node('s2', 7001), node('::2', 7002), node('::3', 26_379)],
      password: 'data',
      tls: true,
      db: 4,
      sentinel: { master: 'my main', username: 'eve', password: 'a&b' },
    },
  'redis+cluster://localhost': { kind: 'cluster' },
  'redis+CLUSTER://ann:secret@c1:7001,c2/0': {
    kind: 'cluster',
    nodes: [node('c1', 7001), node('c2', 6379)],
    username: 'ann',
    password: 'secret',
  },
};

for (const [text, fields] of Object.entries(GOOD)) {
  test(`reads ${text}`, () => assert.deepEqual(readRedisUrl(text), { ...LOCAL, ...fields }));
}

const NO_URL = /^is not a Redis URL with a host$/;
const NO_HOST = /^has a bad host or port$/;
const NO_OPTION = /^has an unknown option$/;
const NO_DATABASE = /^names a database that does not exist$/;
const BAD: Record<string, RegExp> = {
  '': NO_URL,
  localhost: NO_URL,
  'localhost:6379': NO_URL,
  'http://localhost': NO_URL,
  'redis:localhost': NO_URL,
  'redis:///0': NO_URL,
  'redis://': NO_URL,
  'redis://ann:secret@': NO_URL,
  'redis+sentinels://localhost?master=main': NO_URL,
  'sentinel://localhost': NO_URL,
  'redis://local host': NO_URL,
  ' redis://localhost': NO_URL,
  'redis://localhost\n': NO_URL,
  'redis://local\u0000host': NO_URL,
  'redis://localhost/main': NO_URL,
  'redis://localhost/-1': NO_URL,
  'redis://localhost/0/1': NO_URL,
  'redis://localhost#0': NO_URL,
  'redis://:a@b@localhost': NO_URL,
  'redis://:a/b@localhost': NO_URL,
  'redis+cluster://:a@one,:a@two': NO_URL,
  'redis://localhost/9999999': NO_DATABASE,
  'redis+cluster://localhost/1': NO_DATABASE,
  'redis://::1': NO_HOST,
  'redis://[::g]': NO_HOST,
  'redis://[::1]x': NO_HOST,
  'redis://localhost:x': NO_HOST,
  'redis://localhost:0': NO_HOST,
  'redis://localhost:65536': NO_HOST,
  'redis://localhost:1:2': NO_HOST,
  'redis://:6379': NO_HOST,
  'redis://local\\host': NO_HOST,
  'redis+cluster://one,': NO_HOST,
  'redis+cluster://one,,two': NO_HOST,
  'redis+cluster://,one': NO_HOST,
  'redis://one,two': /^names several hosts, but neither Sentinel nor Cluster$/,
  'redis://localhost?db=1': NO_OPTION,
  'redis://localhost?master=main': NO_OPTION,
  'redis+cluster://localhost?master=main': NO_OPTION,
  'redis+sentinel://localhost?master=main&role=slave': NO_OPTION,
  'redis+sentinel://localhost': /^does not name the master that the sentinels watch$/,
  'redis+sentinel://localhost?master=': /^does not name the master that the sentinels watch$/,
  'redis://:100%@localhost': /^has a % that encodes nothing$/,
  'redis://%zz:a@localhost': /^has a % that encodes nothing$/,
  'redis://:%ff@localhost': /^has a % that encodes nothing$/,
};

for (const [text, message] of Object.entries(BAD)) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => readRedisUrl(text), { name: 'TypeError', message });
  });
}

test('the configuration tells what is wrong and how to write it, and never a part of the password', () => {
  const passwords = ['hush?hush', 'hush?hush=hush', 'hush#hush', 'hush/hush', 'hush@hush', 'hush%hush', 'hush hush'];
  for (const password of passwords) {
    const parse = () => redisUrl(`redis://:${password}@redis.example.com:6379/0`, '/');
    assert.throws(parse, (error: unknown) => {
      assert.ok(error instanceof InvalidValue);
      const told = JSON.stringify({ ...error, message: error.message });
      assert.doesNotMatch(told, /hush/);
      assert.match(told, /redis:\/\/user:password@host:6379\/0, redis\+sentinel:.*redis\+cluster:.*percent-encoded/);
      return true;
    });
  }
  const good = 'redis://:hush%3Fhush@redis.example.com:6379/0';
  assert.equal(redisUrl(good, '/'), good);
});
