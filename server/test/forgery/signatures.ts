import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, type KeyObject, privateEncrypt, sign } from 'node:crypto';
import {
  base64url,
  encode,
  type Forgery,
  fromBytes,
  type Genuine,
  macked,
  P256_ORDER,
  scalarOf,
  signatureBy,
  signed,
  toBytes,
  withScalar,
} from './genuine.ts';

/** The order of the base point of Ed25519 (RFC 8032, 5.1). */
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Points of small order on Ed25519, and other spellings of them: under such a key S = 0 fits many messages. */
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'));

/** The genuine header and claims, and others, under signatures that are none of the server's. */
export function* signatures(g: Genuine): Generator<Forgery> {
  const under = (what: string, bytes: Uint8Array): Forgery => [what, `${g.head}.${g.body}.${base64url(bytes)}`];
  for (const [what, bytes] of values(g)) yield under(`a signature ${what}`, bytes);
  yield* { EdDSA: edwards, ES256: weierstrass, RS256: rsa }[g.algorithm](g, under);
  yield* unsigned(g);
  yield* confusions(g);
}

function* values({ head, body, signature, privateKey, token }: Genuine): Generator<[string, Uint8Array]> {
  const bytes = Buffer.from(signature, 'base64url');
  for (const length of [0, 1, 31, 32, 63, 64, 65, 96, 128, 256]) {
    yield [`of ${length} zeros`, Buffer.alloc(length)];
    yield [`of ${length} ones`, Buffer.alloc(length, 0xff)];
    yield [
      `cut or filled to ${length}`,
      length === bytes.length
        ? Buffer.alloc(length, 1)
        : Buffer.concat([bytes, bytes, bytes, bytes]).subarray(0, length),
    ];
  }
  yield ['with its halves swapped', Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])];
  yield ['backwards', Buffer.from(bytes).reverse()];
  yield ['with a byte before', Buffer.concat([Buffer.alloc(1), bytes])];
  const other: [string, string][] = [
    ['of the payload', body],
    ['of the header', head],
    ['of nothing', ''],
    ['of the parts without a dot', head + body],
    ['of the whole token', token],
    ['of what is encoded', Buffer.from(body, 'base64url').toString()],
  ];
  for (const [what, input] of other) yield [what, signatureBy(privateKey, input)];
}

function* edwards(
  { signature, head, body, claims, header }: Genuine,
  under: (what: string, bytes: Uint8Array) => Forgery,
): Generator<Forgery> {
  const bytes = Buffer.from(signature, 'base64url');
  const scalar = scalarOf(Buffer.concat([bytes.subarray(0, 32), Buffer.from(bytes.subarray(32)).reverse()]));
  const little = (s: bigint) => Buffer.concat([bytes.subarray(0, 32), toBytes(s).reverse()]);
  for (let times = 1n; scalar + times * ED25519_ORDER < 2n ** 256n; times++) {
    yield under(`S and ${times} times the order`, little(scalar + times * ED25519_ORDER));
  }
  yield under('S as its negative', little(ED25519_ORDER - scalar));
  yield under(
    'R of the other sign',
    Buffer.concat([bytes.subarray(0, 31), Buffer.from([(bytes[31] ?? 0) ^ 0x80]), bytes.subarray(32)]),
  );
  for (const [index, R] of SMALL_ORDER.entries()) {
    for (const s of [0n, 1n, 8n, ED25519_ORDER, scalar]) {
      const made = Buffer.concat([R, toBytes(s).reverse()]);
      yield under(`R of small order (${index}), S ${s}`, made);
      for (const [at, A] of SMALL_ORDER.entries()) {
        const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(A) };
        const input = `${encode({ ...header, jwk })}.${body}`;
        yield [`a key of small order (${at}) in jwk, R (${index}), S ${s}`, `${input}.${base64url(made)}`];
      }
    }
  }
  yield [
    'a small-order signature of other claims',
    `${head}.${encode({ ...claims, roles: ['superadmin'] })}.${base64url(Buffer.concat([SMALL_ORDER[0] ?? Buffer.alloc(32), Buffer.alloc(32)]))}`,
  ];
}

function* weierstrass(
  { signature, head, body, privateKey }: Genuine,
  under: (what: string, bytes: Uint8Array) => Forgery,
): Generator<Forgery> {
  const bytes = Buffer.from(signature, 'base64url');
  const s = scalarOf(bytes);
  // Whoever has a signature (r, s) has another one, which the plain equation of ECDSA accepts as well.
  yield under('(r, n − s)', withScalar(bytes, P256_ORDER - s));
  const edge = [0n, 1n, P256_ORDER - 1n, P256_ORDER, P256_ORDER + 1n, 2n ** 256n - 1n];
  for (const r of edge) {
    yield under(`r ${r.toString(16)}`, Buffer.concat([toBytes(r), bytes.subarray(32)]));
    for (const other of edge)
      yield under(`r ${r.toString(16)}, s ${other.toString(16)}`, Buffer.concat([toBytes(r), toBytes(other)]));
  }
  for (const other of edge) yield under(`s ${other.toString(16)}`, withScalar(bytes, other));
  for (let index = 0; index < 20; index++) {
    const input = Buffer.from(`${head}.${body}`);
    const key = privateKey;
    yield under(`in DER (${index})`, sign('sha256', input, { key, dsaEncoding: 'der' }));
    yield under(`by another hash (${index})`, sign('sha512', input, { key, dsaEncoding: 'ieee-p1363' }));
  }
}

/** Bytes of an RSA modulus, and of the shortest padding (RFC 8017, 9.2). */
const RSA_BYTES = 256;
const LEAST_PADDING = 8;
/** The DER of a `DigestInfo` up to the digest, as RFC 8017 has it; without the `NULL`; and of other hashes. */
const DIGEST_INFO = {
  'SHA-256': '3031300d060960864801650304020105000420',
  'SHA-256 without parameters': '302f300b06096086480165030402010420',
  'SHA-1': '3021300906052b0e03021a05000414',
  'SHA-512': '3051300d060960864801650304020305000440',
};

/** Encodings that a lenient verifier of PKCS #1 v1.5 takes, by the genuine key; other schemes; other spellings of a number. */
function* rsa(
  { signature, head, body, privateKey, publicKey }: Genuine,
  under: (what: string, bytes: Uint8Array) => Forgery,
): Generator<Forgery> {
  const input = Buffer.from(`${head}.${body}`);
  const digest = createHash('sha256').update(input).digest();
  const infos = Object.entries(DIGEST_INFO).map(([name, hex]) => [name, Buffer.from(hex, 'hex')] as const);
  const [, right] = infos[0] ?? ['', Buffer.alloc(0)];
  const raw = (encoded: Uint8Array) => privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
  /** The encoded message of a type and a filling, as long as it must be unless the padding is. */
  const encoded = (
    tail: Uint8Array,
    { type = 1, filling = 0xff, padding = RSA_BYTES - 3 - tail.length, rest = 0 } = {},
  ) =>
    Buffer.concat([
      Buffer.from([0, type]),
      Buffer.alloc(padding, filling),
      Buffer.from([0]),
      tail,
      Buffer.alloc(rest, 0xaa),
    ]);
  const whole = Buffer.concat([right, digest]);
  assert.deepEqual(raw(encoded(whole)), signatureBy(privateKey, `${head}.${body}`), 'the control');
  yield under('of a digest alone', raw(encoded(digest)));
  for (const [name, info] of infos.slice(1))
    yield under(`that says ${name}`, raw(encoded(Buffer.concat([info, digest]))));
  for (const hash of ['sha1', 'sha512']) {
    const info = Buffer.from(DIGEST_INFO[hash === 'sha1' ? 'SHA-1' : 'SHA-512'], 'hex');
    yield under(`by ${hash}`, raw(encoded(Buffer.concat([info, createHash(hash).update(input).digest()]))));
    yield under(
      `by ${hash} that says SHA-256`,
      raw(encoded(Buffer.concat([right, createHash(hash).update(input).digest()]))),
    );
  }
  yield under('of another type', raw(encoded(whole, { type: 2, filling: 0x55 })));
  yield under('of type 0', raw(encoded(whole, { type: 0, filling: 0 })));
  yield under('with another filling', raw(encoded(whole, { filling: 0xfe })));
  const rest = (padding: number) => RSA_BYTES - 3 - padding - whole.length;
  for (const padding of [0, 1, LEAST_PADDING, 100]) {
    yield under(`with something behind, ${padding} of padding`, raw(encoded(whole, { padding, rest: rest(padding) })));
  }
  const longer = Buffer.concat([right, digest, Buffer.from([5, 0])]);
  longer[1] = (longer[1] ?? 0) + 2;
  yield under('with a member more in its sequence', raw(encoded(longer)));
  for (const saltLength of [0, 32, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
    const key = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    yield under(`by PSS, salt ${saltLength}`, sign('sha256', input, key));
  }
  for (const hash of ['sha1', 'sha384', 'sha512']) yield under(`by RSA and ${hash}`, sign(hash, input, privateKey));

  const bytes = Buffer.from(signature, 'base64url');
  const n = fromBytes(Buffer.from(String(publicKey.export({ format: 'jwk' }).n), 'base64url'));
  const s = fromBytes(bytes);
  const numbers = { 'n − s': n - s, 's + n': s + n, n, 'n − 1': n - 1n, 'n + 1': n + 1n, 0: 0n, 1: 1n };
  for (const [name, value] of Object.entries(numbers)) {
    yield under(name, toBytes(value, RSA_BYTES));
    yield under(`${name}, a byte longer`, toBytes(value, RSA_BYTES + 1));
  }
  yield under('a byte longer', toBytes(s, RSA_BYTES + 1));
  yield under('the lowest byte first', Buffer.from(bytes).reverse());
}

function* unsigned({ header, body, claims, signature }: Genuine): Generator<Forgery> {
  const letters = [...'none'];
  for (let mask = 0; mask < 16; mask++) {
    const alg = letters.map((letter, index) => (mask & (1 << index) ? letter.toUpperCase() : letter)).join('');
    const head = encode({ ...header, alg });
    for (const end of ['', signature, 'AA', 'A'.repeat(86)])
      yield [`alg ${alg}, signature “${end.slice(0, 5)}”`, `${head}.${body}.${end}`];
    yield [`alg ${alg}, two parts`, `${head}.${body}`];
    yield [`alg ${alg}, more roles`, `${head}.${encode({ ...claims, roles: ['superadmin'] })}.`];
  }
}

/** Our public key taken for a secret, and keys of other kinds under our header and theirs. */
function* confusions({ header, claims, publicKey, publicJwk, algorithm }: Genuine): Generator<Forgery> {
  const own = publicKey.export({ format: 'jwk' });
  const coordinates = [own.x, own.y, own.n]
    .filter((value) => value !== undefined)
    .map((value) => Buffer.from(value, 'base64url'));
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const last = coordinates.at(-1)?.at(-1) ?? 0;
  const secrets: (string | Uint8Array)[] = [
    ...['', '\0', 'null', 'undefined', 'secret', String(header.kid), String(claims.iss), '{}', '0', 'true'],
    ...coordinates.flatMap((bytes) => [
      bytes,
      bytes.toString('hex'),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]),
    ...[Buffer.concat(coordinates), Buffer.concat([Buffer.from([4]), ...coordinates])],
    Buffer.concat([Buffer.from([2 + (last & 1)]), coordinates[0] ?? Buffer.alloc(0)]),
    ...[der, der.toString('hex'), der.toString('base64'), der.toString('base64url')],
    ...[
      pem,
      pem.trim(),
      pem.replaceAll('\n', '\r\n'),
      pem.replaceAll('\n', ''),
      pem.replaceAll('\n', '\\n'),
      `${pem}\n`,
    ],
    ...[publicJwk, own, { keys: [publicJwk] }].flatMap((value) => [
      JSON.stringify(value),
      JSON.stringify(value, null, 2),
    ]),
    JSON.stringify(Object.fromEntries(Object.entries(own).sort())),
  ];
  for (const [index, secret] of secrets.entries()) {
    for (const [alg, hash] of Object.entries({ HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' })) {
      yield [`${alg} with the public key (${index})`, macked(hash, secret, { ...header, alg }, claims)];
      yield [`${alg} with the public key (${index}), under our header`, macked(hash, secret, header, claims)];
    }
  }
  const keys: Record<string, KeyObject> = {
    EdDSA: generateKeyPairSync('ed25519').privateKey,
    Ed448: generateKeyPairSync('ed448').privateKey,
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    ES256K: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  };
  for (const [alg, key] of Object.entries(keys)) {
    yield [`a key for ${alg}`, signed(key, { ...header, alg }, claims)];
    yield [`a key for ${alg}, under our header`, signed(key, header, claims)];
    yield [`a key for ${alg}, without kid`, signed(key, { ...header, alg, kid: undefined }, claims)];
    yield [
      `a key for ${alg}, called ${algorithm.toLowerCase()}`,
      signed(key, { ...header, alg: algorithm.toLowerCase() }, claims),
    ];
  }
}
