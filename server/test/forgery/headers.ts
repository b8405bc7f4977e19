import { generateKeyPairSync } from 'node:crypto';
import { base64url, encode, type Forgery, type Genuine, macked, signed, signedText } from './genuine.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';

/** Other headers than the one that the server writes; each under a right signature of the server's own key, unless it says otherwise. */
export function* headers(g: Genuine): Generator<Forgery> {
  const { header, privateKey, claims, body } = g;
  const ours = (text: string) => signedText(privateKey, base64url(text), body);
  for (const [what, text] of writings(g)) yield [`a header ${what}`, ours(text)];
  for (const [what, change] of members(g)) {
    yield [`a header with ${what}`, signed(privateKey, { ...header, ...change }, claims)];
  }
  yield* foreignKeys(g);
  yield* wrongIds(g);
}

/** The same header, or one that some parser takes for it, written otherwise. */
function* writings({ header, publicJwk }: Genuine): Generator<[string, string]> {
  const { alg, typ, kid } = header;
  const text = JSON.stringify(header);
  yield ['in another order', JSON.stringify({ kid, typ, alg })];
  yield ['in another order still', JSON.stringify({ typ, alg, kid })];
  yield ['with spaces', JSON.stringify(header, null, 1)];
  yield ['with a space behind', `${text} `];
  yield ['with a line break before', `\n${text}`];
  yield ['with a byte order mark', `\uFEFF${text}`];
  yield ['with a NUL behind', `${text}\0`];
  yield ['with something behind', `${text}{}`];
  yield ['without its end', text.slice(0, -1)];
  yield ['with a comma at its end', text.replace('}', ',}')];
  yield ['in single quotes', text.replaceAll('"', "'")];
  yield ['with a comment', text.replace('{', '{/**/')];
  yield ['in a list', `[${text}]`];
  yield ['in a string', JSON.stringify(text)];
  yield ['with an escaped name', text.replace('"alg"', '"\\u0061lg"')];
  yield ['with an escaped kid', text.replace('"kid"', '"k\\u0069d"')];
  yield [
    'with an escaped value',
    text.replace(`"${alg}"`, `"\\u00${Buffer.from(String(alg)).toString('hex', 0, 1)}${String(alg).slice(1)}"`),
  ];
  yield ['with an escaped slash', text.replace('at+jwt', 'at\\u002bjwt')];
  yield ['with names in upper case', text.replace('"alg"', '"ALG"')];
  yield ['with two alg, none first', text.replace('{', '{"alg":"none",')];
  yield ['with two alg, none last', text.replace('}', ',"alg":"none"}')];
  yield ['with two alg alike', text.replace('{', `{"alg":"${alg}",`)];
  yield ['with two kid, ours last', text.replace('{', `{"kid":"${UNKNOWN_ID}",`)];
  yield ['with two kid, ours first', text.replace('}', `,"kid":"${UNKNOWN_ID}"}`)];
  yield ['with two typ', text.replace('{', '{"typ":"JWT",')];
  yield ['with __proto__', text.replace('{', '{"__proto__":{"alg":"none"},')];
  yield ['that is the key', JSON.stringify(publicJwk)];
  for (const other of ['', '{}', '[]', 'null', 'true', '0', '""', '{', '\0', `{"alg":"${alg}"}`]) {
    yield [`that is ${JSON.stringify(other)}`, other];
  }
}

/** Members that change what a lenient verifier does. */
function* members({ header, publicJwk, algorithm }: Genuine): Generator<[string, object]> {
  for (const typ of [
    'JWT',
    'jwt',
    'AT+JWT',
    'at+JWT',
    'application/at+jwt',
    'id_token+jwt',
    'logout+jwt',
    'dpop+jwt',
    '',
    null,
    1,
    ['at+jwt'],
    undefined,
  ]) {
    yield [`typ ${JSON.stringify(typ)}`, { typ }];
  }
  const algorithms = [
    'none',
    'None',
    'NONE',
    'nOnE',
    ' none',
    'none ',
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'PS256',
    'ES384',
    'ES512',
  ];
  const lists = [null, '', 0, true, [], [algorithm], { alg: algorithm }, undefined, 'Ed25519', 'ES256K', 'ed25519'];
  const other = algorithm === 'EdDSA' ? 'ES256' : 'EdDSA';
  for (const alg of [...algorithms, ...lists, other, algorithm.toLowerCase(), `${algorithm} `, `${algorithm}\0`]) {
    yield [`alg ${JSON.stringify(alg)}`, { alg }];
  }
  for (const crit of [[], ['exp'], ['b64'], ['alg'], ['kid'], ['x'], 'exp', null, {}, ['']]) {
    yield [`crit ${JSON.stringify(crit)}`, { crit }];
    yield [`crit ${JSON.stringify(crit)} and its members`, { crit, x: 1, exp: 4_000_000_000, b64: true, '': 1 }];
  }
  for (const b64 of [false, true, 'false', 0]) yield [`b64 ${JSON.stringify(b64)}`, { b64 }];
  yield ['jwk', { jwk: publicJwk }];
  yield ['a cty', { cty: 'at+jwt' }];
  yield ['a zip', { zip: 'DEF' }];
  yield ['claims', { iss: 'x', sub: 'x', aud: 'x' }];
  yield ['an enc', { enc: 'A256GCM' }];
  for (const url of [
    'http://127.0.0.1:9/',
    'https://keys.example/jwks.json',
    'file:///dev/null',
    '/.well-known/jwks.json',
  ]) {
    yield [`jku ${url}`, { jku: url }];
    yield [`x5u ${url}`, { x5u: url }];
  }
  yield ['x5c', { x5c: [Buffer.from('certificate').toString('base64')], x5t: 'AAAA', 'x5t#S256': 'AAAA' }];
  yield ['no kid', { kid: undefined }];
  yield ['more kid', { kids: [header.kid] }];
}

/** Keys that travel in the header: the token is right by them. */
function* foreignKeys({ header, claims, algorithm }: Genuine): Generator<Forgery> {
  const pair = newPair(algorithm);
  const jwk = pair.publicKey.export({ format: 'jwk' });
  const der = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const carriers = {
    jwk,
    x5c: [der],
    epk: jwk,
    key: jwk,
    jwks: { keys: [jwk] },
    jku: `data:application/json,${JSON.stringify(jwk)}`,
  };
  yield ['a foreign key', signed(pair.privateKey, header, claims)];
  for (const [name, value] of Object.entries(carriers)) {
    yield [`a foreign key in ${name}`, signed(pair.privateKey, { ...header, [name]: value }, claims)];
    yield [
      `a foreign key in ${name}, by its name`,
      signed(pair.privateKey, { ...header, kid: 'mine', [name]: value }, claims),
    ];
    yield [
      `a foreign key in ${name}, without a name`,
      signed(pair.privateKey, { ...header, kid: undefined, [name]: value }, claims),
    ];
  }
  yield [
    'a foreign key in jwk with ours',
    signed(pair.privateKey, { ...header, jwk: { ...jwk, kid: header.kid } }, claims),
  ];
  const secret = Buffer.from('a secret of the forger');
  const oct = { kty: 'oct', k: base64url(secret), alg: 'HS256' };
  yield ['a secret in jwk', macked('sha256', secret, { ...header, alg: 'HS256', jwk: oct }, claims)];
}

function newPair(algorithm: Genuine['algorithm']) {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** Names of keys that are other people's, files, queries, or nothing. */
function* wrongIds({ header, claims, privateKey, head, other }: Genuine): Generator<Forgery> {
  const kid = String(header.kid);
  const ids: unknown[] = [
    ...[
      UNKNOWN_ID,
      kid.toUpperCase(),
      ` ${kid}`,
      `${kid} `,
      `${kid}\0`,
      `${kid}\n`,
      kid.slice(0, -1),
      `${kid}0`,
      kid.replaceAll('-', ''),
    ],
    ...[
      '',
      '*',
      '%',
      '_',
      '0',
      'null',
      'undefined',
      'default',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
    ],
    ...['../../../../dev/null', '/dev/null', 'file:///etc/passwd', 'C:\\nul', `./${kid}`, 'http://127.0.0.1:9/key'],
    ...[
      "' or 1=1 --",
      `${kid}' or '1'='1`,
      "' union select 'AA' --",
      '1; drop table signing_keys',
      '$(id)',
      '`id`',
      '|id',
    ],
    ...[
      null,
      true,
      0,
      1,
      -1,
      [kid],
      [[kid]],
      { kid },
      { $ne: null },
      { $gt: '' },
      [],
      {},
      `{${kid}}`,
      `urn:uuid:${kid}`,
    ],
  ];
  for (const id of ids) yield [`kid ${JSON.stringify(id)}`, signed(privateKey, { ...header, kid: id }, claims)];
  const otherHeader = { ...header, alg: other.algorithm, kid: other.kid };
  yield ['our header, signed by the other key', signed(other.privateKey, header, claims)];
  yield ['the other key’s header, signed by ours', signed(privateKey, otherHeader, claims)];
  yield ['the other kid with our alg, signed by ours', signed(privateKey, { ...header, kid: other.kid }, claims)];
  yield [
    'the other kid with our alg, signed by the other',
    signed(other.privateKey, { ...header, kid: other.kid }, claims),
  ];
  yield ['our kid with the other alg, signed by ours', signed(privateKey, { ...header, alg: other.algorithm }, claims)];
  yield [
    'our kid with the other alg, signed by the other',
    signed(other.privateKey, { ...header, alg: other.algorithm }, claims),
  ];
  const { kid: _, ...nameless } = header;
  yield ['a header without kid, signed with an empty key', macked('sha256', '', nameless, claims)];
  yield ['a signature of the header alone', signedText(privateKey, head, '')];
  yield ['a header of another token kind', signed(privateKey, { ...header, typ: 'JWT', kid: UNKNOWN_ID }, claims)];
  yield ['a header within a header', signedText(privateKey, encode({ protected: header }), encode(claims))];
}
