import { base64url, type Forgery, type Genuine, signed, signedText } from './genuine.ts';

const DAY = 24 * 60 * 60;
const OTHER_ID = '01890000-0000-7000-8000-000000000000';

/** Claims that the server does not write, under a right header and a right signature. */
export function* claims(g: Genuine): Generator<Forgery> {
  const { header, privateKey, head, now } = g;
  const change = (changed: object) => signed(privateKey, header, { ...g.claims, ...changed });
  const named = (name: string, values: unknown[]): Forgery[] =>
    values.map((value) => [`${name} ${JSON.stringify(value)}`, change({ [name]: value })]);

  const issuer = String(g.claims.iss);
  const others = [
    ...[
      `${issuer}/`,
      issuer.toUpperCase(),
      `${issuer} `,
      ` ${issuer}`,
      `${issuer}\0`,
      issuer.slice(0, -1),
      `${issuer}.evil.example`,
    ],
    ...[
      issuer.replace('http:', 'https:'),
      issuer.replace('//', '//user@'),
      '//localhost:8000',
      'https://other.example',
      '',
      '*',
    ],
    ...[null, 0, true, {}, [], [issuer], [issuer, issuer], [issuer, 'other'], { [issuer]: true }, undefined],
  ];
  yield* named('iss', others);
  yield* named('aud', others);

  const exp = Number(g.claims.exp);
  yield* named('exp', [
    ...[
      String(exp),
      `${exp}`.concat('.0'),
      '4000000000',
      'never',
      '',
      null,
      true,
      false,
      [],
      [exp],
      {},
      { $gt: 0 },
      undefined,
    ],
    ...[exp + 0.5, 0.1, -1, -exp, 0, now, now - 1, now - 900, Number.MIN_SAFE_INTEGER, -(2 ** 31), 1],
    ...[
      2 ** 53,
      2 ** 63,
      1e300,
      Number.MAX_VALUE,
      Number.MAX_SAFE_INTEGER,
      8_640_000_000_000,
      exp * 1000,
      2 ** 31,
      2 ** 32,
    ],
    ...[now + 2 * DAY, now + 30 * DAY, now + 3650 * DAY],
  ]);
  const raw = JSON.stringify(g.claims);
  for (const text of [
    '1e999',
    '-1e999',
    '1e400',
    'NaN',
    'Infinity',
    '0x7fffffff',
    '01',
    '+1',
    `${exp}.5`,
    '9'.repeat(400),
    '-0',
    '1_000',
  ]) {
    yield [
      `exp ${text.slice(0, 12)} as it is written`,
      signedText(privateKey, head, base64url(raw.replace(`"exp":${exp}`, `"exp":${text}`))),
    ];
  }
  yield ['exp twice, a past one last', signedText(privateKey, head, base64url(raw.replace('}', `,"exp":${now - 1}}`)))];
  yield ['exp in upper case', change({ exp: undefined, EXP: exp })];
  yield [
    'exp of a prototype',
    signedText(privateKey, head, base64url(raw.replace(`"exp":${exp}`, `"__proto__":{"exp":${exp}}`))),
  ];

  yield* named('nbf', [now + 1, now + DAY, 1e300, -1, 0, now, String(now), null, 0.5, [now], {}, true]);
  yield* named('auth_time', [String(now), null, undefined, 0.5, [now], {}, true, 1e300]);
  const ids: unknown[] = [
    OTHER_ID,
    '',
    '*',
    null,
    undefined,
    0,
    true,
    [],
    {},
    { $ne: null },
    `${OTHER_ID}' or '1'='1`,
    '__proto__',
    '../x',
    '\0',
  ];
  yield* named('sub', [...ids, [g.claims.sub], `${g.claims.sub} `, String(g.claims.sub).toUpperCase()]);
  yield* named('sid', [...ids, [g.claims.sid], `${g.claims.sid} `, String(g.claims.sid).toUpperCase()]);
  yield* named('client_id', [null, undefined, 0, [], {}, [g.claims.client_id]]);
  yield* named('jti', [null, undefined, 0, [], {}]);
  yield* named('amr', ['pwd', null, undefined, {}, 1]);
  yield* named('roles', ['superadmin', null, undefined, {}, 1]);
  for (const name of Object.keys(g.claims)) {
    if (name !== 'iat') yield [`without ${name}`, change({ [name]: undefined })];
  }
  yield [
    'the claims of an ID token',
    signed(privateKey, header, { iss: issuer, aud: issuer, sub: g.claims.sub, exp, nonce: 'x' }),
  ];
  yield ['the sub as a sid', change({ sid: g.claims.sub, sub: g.claims.sid })];
}
