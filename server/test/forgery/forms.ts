import { base64url, encode, type Forgery, type Genuine, signatureBy, signedText } from './genuine.ts';

/** What RFC 7515 and RFC 7519 know besides the compact form of three parts, and what is none of theirs. */
export function* forms(g: Genuine): Generator<Forgery> {
  const { token, head, body, signature, header, claims, privateKey } = g;
  const flattened = { payload: body, protected: head, signature };
  const general = { payload: body, signatures: [{ protected: head, signature }] };
  const json: [string, unknown][] = [
    ['flattened JSON', flattened],
    ['flattened JSON with a header that is not protected', { ...flattened, header }],
    ['general JSON', general],
    ['general JSON without signatures', { payload: body, signatures: [] }],
    ['general JSON with a second signature', { payload: body, signatures: [{}, ...general.signatures] }],
    ['a JSON string', token],
    ['a JSON list', [token]],
    ['a list of its parts', token.split('.')],
  ];
  for (const [what, value] of json) {
    yield [`${what}, as it is`, JSON.stringify(value)];
    yield [`${what}, encoded`, encode(value)];
    yield [`${what}, in a token`, `${head}.${encode(value)}.${signature}`];
  }

  yield ['a detached payload', `${head}..${signature}`];
  yield ['a detached payload, signed so', signedText(privateKey, head, '')];
  for (const name of ['b64', 'B64']) {
    const raw = base64url(JSON.stringify({ ...header, [name]: false, crit: [name] }));
    const plain = JSON.stringify(claims);
    yield [
      `an unencoded payload (${name})`,
      `${raw}.${plain}.${base64url(signatureBy(privateKey, `${raw}.${plain}`))}`,
    ];
    yield [
      `an unencoded payload (${name}), encoded all the same`,
      `${raw}.${body}.${base64url(signatureBy(privateKey, `${raw}.${plain}`))}`,
    ];
    yield [
      `an unencoded payload (${name}), detached`,
      `${raw}..${base64url(signatureBy(privateKey, `${raw}.${plain}`))}`,
    ];
  }

  for (let missing = 1; missing < 8; missing++) {
    const parts = [head, body, signature].map((part, index) => (missing & (1 << index) ? '' : part));
    yield [`parts that are empty (${missing})`, parts.join('.')];
  }
  yield ['one part', head];
  yield ['two parts', `${head}.${body}`];
  yield ['its signature alone', signature];
  yield ['a part more', `${token}.${signature}`];
  yield ['an empty part more', `${token}.`];
  yield ['an empty part before', `.${token}`];
  yield [
    'five parts, as if encrypted',
    [encode({ alg: 'dir', enc: 'A256GCM' }), '', signature, body, signature].join('.'),
  ];
  yield ['five parts, with our header', [head, '', signature, body, signature].join('.')];
  yield ['itself twice', `${token}.${token}`];
  yield ['itself twice, by a comma', `${token},${token}`];
  yield ['itself twice, by a space', `${token} ${token}`];
  yield ['itself after the scheme twice', `Bearer ${token}`];
  yield ['parts in another order', `${body}.${head}.${signature}`];
  yield ['parts in another order, signed so', signedText(privateKey, body, head)];
  yield ['itself encoded', base64url(token)];
  yield ['itself as the payload', signedText(privateKey, encode({ ...header, cty: 'JWT' }), base64url(token))];
  yield ['itself as the payload of our header', signedText(privateKey, head, base64url(token))];
  yield ['packed', signedText(privateKey, encode({ ...header, zip: 'DEF' }), body)];

  const notClaims = ['', '{}', '[]', 'null', 'true', '1', '"text"', '{', '{"exp":1}x', '\uFEFF{}', '\0', '%7B%7D'];
  for (const text of notClaims) {
    yield [`claims that are ${JSON.stringify(text)}`, signedText(privateKey, head, base64url(text))];
  }
  yield ['claims in a list', signedText(privateKey, head, encode([claims]))];
  yield ['claims in a string', signedText(privateKey, head, encode(JSON.stringify(claims)))];
  yield ['claims that are no UTF-8', signedText(privateKey, head, base64url(Buffer.from([0xff, 0xfe, 0xfd])))];
  yield ['claims in UTF-16', signedText(privateKey, head, base64url(Buffer.from(JSON.stringify(claims), 'utf16le')))];
  yield ['claims of great depth', signedText(privateKey, head, base64url('['.repeat(2000)))];
}
