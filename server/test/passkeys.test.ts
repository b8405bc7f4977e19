import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DAY, MINUTE, SECOND } from '../src/platform/clock.ts';
import { ok, type SignedInBody } from './client.ts';
import { createWorld, freshRoot, giveRoles, type Member, member, signIn, type World } from './matrix/world.ts';
import {
  addPasskey,
  asToJson,
  type Begun,
  beginPasskey,
  beginSignIn,
  type PasskeyJson,
  passkeySignIn,
  type RequestJson,
  type Signal,
  sendAssertion,
  sendPasskey,
  signedInBy,
} from './passkey-verbs.ts';
import { openScene, refused, type Scene } from './scenario.ts';
import { createAuthenticator, EDDSA, ES256, FLAGS, RS256 } from './webauthn-device.ts';

describe('passkeys', () => {
  let s: Scene;
  let w: World;
  before(async () => {
    s = await openScene();
    w = await createWorld(s);
  });
  after(() => s.close());

  const list = async (token: string) =>
    ok<{ items: PasskeyJson[]; signal: Signal | null }>(
      await s.client.send('GET', '/users/me/passkeys', { token }),
      200,
    );
  const whoami = async (token: string) =>
    ok<{ assurance: { aal: number; phishingResistant: boolean; methods: string[] } }>(
      await s.client.send('GET', '/auth/whoami', { token }),
      200,
    );
  const remove = (token: string, id: string) => s.client.send('DELETE', `/users/me/passkeys/${id}`, { token });
  const mailsOf = async ({ email }: Member) => (await s.mailsTo(email)).map(({ subject }) => subject);

  for (const algorithm of [ES256, EDDSA, RS256]) {
    test(`a passkey of ${algorithm} is added, signs in as two factors, and its owner is told`, async () => {
      const ada = await member(w);
      const device = createAuthenticator({ aaguid: 'd548826e-79b4-db40-a3d8-11116f7e8349' });
      const { challengeToken, options } = await beginPasskey(s, ada.token);
      assert.deepEqual(
        [options.rp.id, options.attestation, options.pubKeyCredParams.map(({ alg }) => alg)],
        ['localhost', 'none', [-7, -8, -257]],
      );
      assert.equal(Buffer.from(options.challenge, 'base64url').length, 32);
      assert.equal(Buffer.from(options.user.id, 'base64url').length, 32);
      assert.ok(!JSON.stringify(options).includes(ada.userId), 'the id of the account tells when it began');
      const answer = await sendPasskey(s, ada.token, challengeToken, asToJson(device.create(options, { algorithm })));
      const { passkey, signal } = ok<{ passkey: PasskeyJson; signal: Signal }>(answer, 201);
      assert.deepEqual(
        [passkey.name, passkey.provider, passkey.syncable, passkey.transports, passkey.lastUsedAt],
        ['Bitwarden', 'Bitwarden', true, ['hybrid', 'internal'], null],
      );
      const [credential] = device.credentials;
      assert.deepEqual(signal, {
        rpId: 'localhost',
        userId: options.user.id,
        allAcceptedCredentialIds: [credential?.id],
        name: ada.email,
        displayName: ada.username,
      });
      assert.deepEqual(await mailsOf(ada), ['A passkey was added to your account']);

      const signedIn = await signedInBy(s, device);
      assert.equal(signedIn.user.id, ada.userId);
      const { assurance } = await whoami(signedIn.accessToken);
      assert.deepEqual([assurance.aal, assurance.phishingResistant, assurance.methods], [2, true, ['passkey']]);
      const { items } = await list(signedIn.accessToken);
      assert.deepEqual([items[0]?.lastUsedAt, items[0]?.lastDevice], [s.time.now.toISOString(), 'Firefox on Linux']);
    });
  }

  test('a challenge for a sign-in names nobody, and is alike each time but for its bytes', async () => {
    const [one, two] = [await beginSignIn(s), await beginSignIn(s)];
    assert.deepEqual({ ...one.options, challenge: '' }, { ...two.options, challenge: '' });
    assert.deepEqual(one.options.allowCredentials, []);
    assert.equal(one.options.userVerification, 'required');
    assert.notEqual(one.options.challenge, two.options.challenge);
    assert.equal(one.challengeToken.length, two.challengeToken.length);
  });

  test('a sign-in with anything of another is refused, and tells nothing', async () => {
    const [ada, ben] = [await member(w), await member(w)];
    const [hers, his] = [await addPasskey(s, ada.token), await addPasskey(s, ben.token)];
    const [credential, other] = [hers.device.credentials[0], his.device.credentials[0]];
    assert.ok(credential && other);
    const mine = await beginPasskey(s, (await signedInBy(s, hers.device)).accessToken);
    const deviations: Record<string, Parameters<typeof passkeySignIn>[2]> = {
      'the handle of somebody else': { userHandle: other.userHandle },
      'no handle': { userHandle: null },
      'the key of somebody else': { signedBy: other },
      'the id of somebody else': { id: other.id },
      'another origin': { origin: 'https://localhost:8000' },
      'another relying party': { rpId: 'example.com' },
      'another ceremony': { type: 'webauthn.create' },
      'a frame': { client: { crossOrigin: true } },
      'nobody present': { flags: FLAGS.UV | FLAGS.BE | FLAGS.BS },
      'another backup eligibility': { flags: FLAGS.UP | FLAGS.UV },
      'the challenge of another request': { challenge: (await beginSignIn(s)).options.challenge },
      'the challenge of a registration': { challenge: mine.options.challenge },
    };
    for (const [name, deviation] of Object.entries(deviations)) {
      const problem = refused(await passkeySignIn(s, hers.device, deviation), 401, 'passkey_invalid');
      assert.ok(!('signal' in problem), name);
    }
    const { options } = await beginSignIn(s);
    for (const token of [mine.challengeToken, 'A'.repeat(120), `${mine.challengeToken}A`]) {
      refused(await sendAssertion(s.client, token, hers.device.get(options)), 401, 'passkey_invalid');
    }
    const expired = await beginSignIn(s);
    s.time.forward(5 * MINUTE);
    refused(
      await sendAssertion(s.client, expired.challengeToken, hers.device.get(expired.options)),
      401,
      'passkey_invalid',
    );
    assert.equal((await signedInBy(s, hers.device)).user.id, ada.userId);
  });

  test('malformed responses say which member is wrong', async () => {
    const { challengeToken, options } = await beginSignIn(s);
    const device = createAuthenticator();
    device.create({ ...options, rp: {}, user: { id: 'AA' }, pubKeyCredParams: [] });
    const good = device.get(options);
    for (const response of [
      null,
      'text',
      [],
      {},
      { ...good, id: 1 },
      { ...good, response: null },
      { ...good, response: {} },
    ]) {
      refused(await sendAssertion(s.client, challengeToken, response), 400, 'validation_failed');
    }
    const huge = { ...good, response: { ...good.response, signature: 'A'.repeat(40_000) } };
    const problem = refused(await sendAssertion(s.client, challengeToken, huge), 400, 'validation_failed');
    assert.equal(problem.errors?.[0]?.path, '/response/response/signature');
  });

  test('only a passkey that nobody has may be deleted by the browser', async () => {
    const ada = await member(w);
    const { device } = await addPasskey(s, ada.token);
    const [credential] = device.credentials;
    const signalOf = async () => {
      const answer = await passkeySignIn(s, device);
      return (refused(answer, 401, 'passkey_invalid') as unknown as { signal?: object }).signal;
    };
    ok(await s.client.send('POST', `/admin/users/${ada.userId}/deactivate`, { token: await freshRoot(w) }), 200);
    assert.equal(await signalOf(), undefined, 'a disabled account');
    ok(await s.client.send('POST', `/admin/users/${ada.userId}/activate`, { token: await freshRoot(w) }), 200);
    assert.equal((await passkeySignIn(s, device)).statusCode, 200);
    await s.client.send('DELETE', `/admin/users/${ada.userId}`, { token: await freshRoot(w) });
    assert.equal(await signalOf(), undefined, 'a deleted account, which can be restored');
    await s.client.send('DELETE', `/admin/users/${ada.userId}?erase=true`, { token: await freshRoot(w) });
    await s.work();
    assert.deepEqual(await signalOf(), { rpId: 'localhost', credentialId: credential?.id });
  });

  test('a passkey without user verification signs nobody in by itself, and is a second factor beside the password', async () => {
    const ada = await member(w);
    const device = createAuthenticator({ verifies: false, synced: false });
    const { recoveryCodes } = await addPasskey(s, ada.token, device);
    assert.equal(recoveryCodes?.length, 10);
    refused(await passkeySignIn(s, device), 401, 'passkey_unverified');

    const body = { login: ada.email, password: ada.password, tokenTransport: 'body' };
    const step = refused(await s.client.send('POST', '/auth/login', { body }), 403, 'step_required');
    assert.equal(step.step, 'mfa');
    const { flowToken } = step;
    const options = await s.client.send('POST', '/auth/flow/options', { body: { flowToken, method: 'passkey' } });
    const begun = ok<Begun<RequestJson>>(options, 200);
    assert.deepEqual(
      begun.options.allowCredentials.map(({ id }) => id),
      device.credentials.map(({ id }) => id),
    );
    assert.equal(begun.options.userVerification, 'preferred');
    // A security key that holds no account leaves the handle out.
    const response = device.get(begun.options, { userHandle: null });
    const complete = () =>
      s.client.send('POST', '/auth/complete-step', {
        body: { flowToken, challengeToken: begun.challengeToken, response, tokenTransport: 'body' },
      });
    const { accessToken } = ok<SignedInBody>(await complete(), 200);
    const { assurance } = await whoami(accessToken);
    assert.deepEqual([assurance.aal, assurance.methods], [2, ['password', 'passkey_presence']]);
    assert.equal((await complete()).statusCode >= 400, true, 'its challenge was used up');
  });

  test('a step takes only the challenge of its own flow', async () => {
    const [ada, ben] = [await member(w), await member(w)];
    const [hers, his] = [await addPasskey(s, ada.token), await addPasskey(s, ben.token)];
    const flowOf = async ({ email, password }: Member) => {
      const body = { login: email, password, tokenTransport: 'body' };
      const { flowToken } = refused(await s.client.send('POST', '/auth/login', { body }), 403, 'step_required');
      const options = await s.client.send('POST', '/auth/flow/options', { body: { flowToken, method: 'passkey' } });
      return { flowToken, ...ok<Begun<RequestJson>>(options, 200) };
    };
    const complete = (flowToken: string | undefined, challengeToken: string, response: unknown) =>
      s.client.send('POST', '/auth/complete-step', {
        body: { flowToken, challengeToken, response, tokenTransport: 'body' },
      });
    const [one, two, other] = [await flowOf(ada), await flowOf(ada), await flowOf(ben)];
    refused(await complete(one.flowToken, two.challengeToken, hers.device.get(two.options)), 401, 'passkey_invalid');
    refused(await complete(one.flowToken, other.challengeToken, his.device.get(other.options)), 401, 'passkey_invalid');
    refused(await complete(one.flowToken, one.challengeToken, his.device.get(one.options)), 401, 'passkey_invalid');
    const session = ok<Begun<RequestJson>>(
      await s.client.send('POST', '/auth/reauthenticate/options', { token: ada.token }),
      200,
    );
    refused(
      await complete(one.flowToken, session.challengeToken, hers.device.get(session.options)),
      401,
      'passkey_invalid',
    );
    const begun = await beginSignIn(s);
    refused(
      await complete(one.flowToken, begun.challengeToken, hers.device.get(begun.options)),
      401,
      'passkey_invalid',
    );
    refused(await sendAssertion(s.client, one.challengeToken, hers.device.get(one.options)), 401, 'passkey_invalid');
    ok(await complete(one.flowToken, one.challengeToken, hers.device.get(one.options)), 200);
  });

  test('a registration takes only its own challenge, and the options name what is there', async () => {
    const [ada, ben] = [await member(w), await member(w)];
    const first = await addPasskey(s, ada.token);
    const device = createAuthenticator();
    const begun = await beginPasskey(s, ada.token);
    assert.deepEqual(
      begun.options.excludeCredentials?.map(({ id }) => id),
      first.device.credentials.map(({ id }) => id),
    );
    const theirs = await beginPasskey(s, ben.token);
    const signIn = await beginSignIn(s);
    const send = (challengeToken: string, challenge: string, d = {}) =>
      sendPasskey(s, ada.token, challengeToken, asToJson(device.create({ ...begun.options, challenge }, d)));
    refused(await send(theirs.challengeToken, theirs.options.challenge), 400, 'passkey_refused');
    refused(await send(signIn.challengeToken, signIn.options.challenge), 400, 'passkey_refused');
    refused(await send(begun.challengeToken, theirs.options.challenge), 400, 'passkey_refused');
    for (const d of [
      { origin: 'https://example.com' },
      { rpId: 'example.com' },
      { type: 'webauthn.get' },
      { flags: FLAGS.AT },
    ]) {
      refused(await send(begun.challengeToken, begun.options.challenge, d), 400, 'passkey_refused');
    }
    const again = await s.client.send('POST', '/auth/login', {
      body: { login: ada.email, password: ada.password },
    });
    refused(again, 403, 'step_required');
    const response = asToJson(device.create(begun.options));
    ok(await sendPasskey(s, ada.token, begun.challengeToken, response), 201);
    refused(await sendPasskey(s, ada.token, begun.challengeToken, response), 409, 'passkey_exists');
    // Somebody who has the credential of another adds it to their own account.
    const [credential] = first.device.credentials;
    const copied = first.device.create(theirs.options, { id: credential?.id ?? '' });
    refused(await sendPasskey(s, ben.token, theirs.challengeToken, asToJson(copied)), 400, 'passkey_refused');
    s.time.forward(5 * MINUTE);
    refused(await send(begun.challengeToken, begun.options.challenge), 400, 'passkey_refused');
  });

  test('names, renaming, removal, and what browsers are told', async () => {
    const ada = await member(w);
    const [one, two] = [await addPasskey(s, ada.token), await addPasskey(s, ada.token)];
    assert.equal(one.passkey.name, 'Firefox on Linux');
    const rename = (id: string, name: string) =>
      s.client.send('PATCH', `/users/me/passkeys/${id}`, { token: ada.token, body: { name } });
    ok(await rename(one.passkey.id, '  My phone '), 200);
    refused(await rename(one.passkey.id, ' '), 400, 'validation_failed');
    refused(await rename(one.passkey.id, 'two\nlines'), 400, 'validation_failed');
    const ben = await member(w);
    const his = await addPasskey(s, ben.token);
    refused(await rename(his.passkey.id, 'Mine now'), 404, 'passkey_not_found');
    refused(await remove(ada.token, his.passkey.id), 404, 'passkey_not_found');
    assert.deepEqual((await list(ada.token)).items.map(({ name }) => name).sort(), ['Firefox on Linux', 'My phone']);

    const { signal } = ok<{ signal: Signal }>(await remove(ada.token, one.passkey.id), 200);
    assert.deepEqual(
      signal.allAcceptedCredentialIds,
      two.device.credentials.map(({ id }) => id),
    );
    const gone = refused(await passkeySignIn(s, one.device), 401, 'passkey_invalid') as unknown as { signal: object };
    assert.deepEqual(gone.signal, { rpId: 'localhost', credentialId: one.device.credentials[0]?.id });
    assert.equal((await passkeySignIn(s, two.device)).statusCode, 200);
    assert.deepEqual((await mailsOf(ada)).toSorted(), [
      'A passkey was added to your account',
      'A passkey was added to your account',
      'A passkey was removed from your account',
    ]);
    const told = (await s.app.storage.events.listForTarget(`factors:${ada.userId}`)).map(({ type }) => type);
    assert.deepEqual(told, [
      ...['factors.passkey_added', 'factors.passkey_added'],
      ...['factors.passkey_renamed', 'factors.passkey_removed'],
    ]);
    ok(await remove(ada.token, two.passkey.id), 200);
    assert.deepEqual((await list(ada.token)).items, []);
    ok(await s.client.send('POST', '/auth/login', { body: { login: ada.email, password: ada.password } }), 200);
  });

  test('the only way in is not removed, and twenty are enough', async () => {
    const ada = await member(w);
    const { passkey, device } = await addPasskey(s, ada.token);
    const { users } = s.app.storage;
    const user = (await users.find(ada.userId)) ?? assert.fail();
    for (let i = 1; i < 20; i++) await addPasskey(s, ada.token);
    refused(await s.client.send('POST', '/users/me/passkeys/options', { token: ada.token }), 409, 'factor_limit');
    for (const { id } of (await list(ada.token)).items) {
      if (id !== passkey.id) ok(await remove(ada.token, id), 200);
    }
    const { accessToken } = await signedInBy(s, device);
    // As for somebody who never had a password.
    const find = users.find.bind(users);
    users.find = async (id) => {
      const found = await find(id);
      return found && { ...found, passwordHash: null };
    };
    const problem = refused(await remove(accessToken, passkey.id), 409, 'last_factor');
    users.find = find;
    assert.match(problem.detail ?? '', /only way to sign in/);
    assert.equal(user.passwordHash === null, false);
  });

  test('a counter that falls is refused and told; an assertion that is sent twice is only refused', async () => {
    const ada = await member(w);
    const device = createAuthenticator({ counts: true, synced: false });
    await addPasskey(s, ada.token, device);
    const begun = await beginSignIn(s);
    const response = device.get(begun.options);
    ok(await sendAssertion(s.client, begun.challengeToken, response), 200);
    s.time.forward(SECOND);
    refused(await sendAssertion(s.client, begun.challengeToken, response), 401, 'passkey_invalid');
    await s.work();
    const suspected = async () => (await mailsOf(ada)).filter((subject) => subject.startsWith('We refused')).length;
    assert.equal(await suspected(), 0);
    ok(await passkeySignIn(s, device), 200);
    s.time.forward(SECOND);
    refused(await passkeySignIn(s, device, { counter: 2 }), 401, 'passkey_invalid');
    assert.equal(await suspected(), 1, 'a copy that is as far as the original');
    refused(await passkeySignIn(s, device, { counter: 1 }), 401, 'passkey_invalid');
    refused(await passkeySignIn(s, device, { counter: 0 }), 401, 'passkey_invalid');
    assert.equal(await suspected(), 3);
    ok(await passkeySignIn(s, device, { counter: 9 }), 200);
  });

  test('a session is proved again by passkey, once for each challenge, and only its own', async () => {
    const ada = await member(w);
    const { device } = await addPasskey(s, ada.token);
    const { accessToken: token } = await signedInBy(s, device);
    s.time.forward(11 * MINUTE);
    refused(await s.client.send('POST', '/users/me/passkeys/options', { token }), 401, 'reauth_required');
    const begin = async (by: string) =>
      ok<Begun<RequestJson>>(await s.client.send('POST', '/auth/reauthenticate/options', { token: by }), 200);
    const prove = (by: string, challengeToken: string, response: unknown) =>
      s.client.send('POST', '/auth/reauthenticate', { token: by, body: { challengeToken, response } });
    const begun = await begin(token);
    const response = device.get(begun.options);
    const { accessToken: other } = await signedInBy(s, device);
    refused(await prove(other, begun.challengeToken, response), 401, 'passkey_invalid');
    const fresh = ok<{ accessToken: string }>(await prove(token, begun.challengeToken, response), 200);
    await beginPasskey(s, fresh.accessToken);
    s.time.forward(MINUTE);
    refused(await prove(token, begun.challengeToken, response), 401, 'passkey_invalid');
    const asked = await beginSignIn(s);
    refused(await prove(token, asked.challengeToken, device.get(asked.options)), 401, 'passkey_invalid');
  });

  test('a browser adds a passkey silently right after a password: it signs in, and no sign-in by password asks for it', async () => {
    const ada = await member(w);
    const device = createAuthenticator();
    const { challengeToken, options } = await beginPasskey(s, ada.token, { conditional: true });
    const silent = { flags: FLAGS.AT | FLAGS.BE | FLAGS.BS };
    const answer = await sendPasskey(s, ada.token, challengeToken, asToJson(device.create(options, silent)));
    const added = ok<{ passkey: PasskeyJson; recoveryCodes?: string[] }>(answer, 201);
    assert.equal(added.recoveryCodes, undefined, 'nobody would read them');
    assert.deepEqual(await mailsOf(ada), ['A passkey was added to your account']);
    assert.equal((await whoami(ada.token)).assurance.aal, 1);
    ok(await s.client.send('POST', '/auth/login', { body: { login: ada.email, password: ada.password } }), 200);
    const { accessToken } = await signedInBy(s, device);
    assert.equal((await whoami(accessToken)).assurance.aal, 2);

    const asked = await beginPasskey(s, ada.token);
    const unasked = asToJson(createAuthenticator().create(asked.options, silent));
    refused(await sendPasskey(s, ada.token, asked.challengeToken, unasked), 400, 'passkey_refused');
    const again = await s.client.send('POST', '/users/me/passkeys/options', {
      token: accessToken,
      body: { conditional: true },
    });
    refused(again, 401, 'reauth_required');
    s.time.forward(5 * MINUTE + 1);
    const late = await s.client.send('POST', '/users/me/passkeys/options', {
      token: ada.token,
      body: { conditional: true },
    });
    refused(late, 401, 'reauth_required');
  });

  test('kinds of passkeys choose what the browser offers', async () => {
    const { token } = await member(w);
    const chosen = async (kind: string) => {
      const { options } = await beginPasskey(s, token, { kind });
      const { authenticatorAttachment, residentKey } = options.authenticatorSelection;
      return [authenticatorAttachment, residentKey];
    };
    assert.deepEqual(await chosen('any'), [undefined, 'required']);
    assert.deepEqual(await chosen('device'), ['platform', 'required']);
    assert.deepEqual(await chosen('security_key'), ['cross-platform', 'preferred']);
  });

  test('a session from before the first passkey neither adds nor removes one', async () => {
    const ada = await member(w);
    const { token: earlier } = await signIn(s, ada);
    const { passkey } = await addPasskey(s, ada.token);
    refused(await s.client.send('POST', '/users/me/passkeys/options', { token: earlier }), 401, 'reauth_required');
    refused(await remove(earlier, passkey.id), 401, 'reauth_required');
    ok(await remove(ada.token, passkey.id), 200);
  });

  test('what is of an earlier credential epoch is nobody’s', async () => {
    const ada = await member(w);
    const { device } = await addPasskey(s, ada.token);
    const { users } = s.app.storage;
    const find = users.find.bind(users);
    users.find = async (id) => {
      const user = await find(id);
      return user && { ...user, credentialEpoch: user.credentialEpoch + 1 };
    };
    try {
      const problem = refused(await passkeySignIn(s, device), 401, 'passkey_invalid') as unknown as { signal?: object };
      assert.ok(problem.signal, 'it never signs in again');
      assert.deepEqual((await list(ada.token)).items, []);
    } finally {
      users.find = find;
    }
  });

  test('administrators see and remove passkeys, never the last factor, nor those of mightier people', async () => {
    const ada = await member(w);
    const [one, two] = [await addPasskey(s, ada.token), await addPasskey(s, ada.token)];
    const path = (id: string) => `/admin/users/${ada.userId}/passkeys/${id}`;
    const { items } = ok<{ items: PasskeyJson[] }>(
      await s.client.send('GET', `/admin/users/${ada.userId}/passkeys`, { token: await freshRoot(w) }),
      200,
    );
    assert.equal(items.length, 2);
    assert.ok(!JSON.stringify(items).includes(one.device.credentials[0]?.id ?? ''), 'no credential ids');
    const admin = await member(w, ['admin']);
    assert.equal((await s.client.send('DELETE', path(one.passkey.id), { token: admin.token })).statusCode, 204);
    refused(await s.client.send('DELETE', path(one.passkey.id), { token: admin.token }), 404, 'passkey_not_found');
    refused(await s.client.send('DELETE', path(two.passkey.id), { token: admin.token }), 409, 'last_factor');
    await giveRoles(w, ada.userId, ['user', 'admin']);
    const helper = await member(w, []);
    refused(await s.client.send('DELETE', path(two.passkey.id), { token: helper.token }), 403, 'forbidden');
    const nobody = '019ab000-0000-7000-8000-000000000000';
    refused(
      await s.client.send('GET', `/admin/users/${nobody}/passkeys`, { token: await freshRoot(w) }),
      404,
      'user_not_found',
    );
    assert.ok((await mailsOf(ada)).includes('A passkey was removed from your account'));
  });

  test('the addresses that browsers and password managers look for', async () => {
    const related = await s.app.http.inject({ url: '/.well-known/webauthn' });
    assert.deepEqual(ok(related, 200), { origins: [] });
    assert.equal((await s.app.http.inject({ url: '/.well-known/passkey-endpoints' })).statusCode, 404);
    s.time.forward(DAY);
  });
});

test('an account page and origins of one’s own are announced', async () => {
  const env = {
    PUBLIC_URL: 'https://auth.example.com',
    PAGES_URL: 'https://app.example.com',
    PASSKEY_RP_ID: 'example.com',
    PASSKEY_ORIGINS: 'https://example.com,https://shop.example',
  };
  const s = await openScene({ env });
  try {
    const get = async (url: string) => ok(await s.app.http.inject({ url }), 200);
    assert.deepEqual(await get('/.well-known/webauthn'), { origins: ['https://example.com', 'https://shop.example'] });
    const page = 'https://app.example.com/account/passkeys';
    assert.deepEqual(await get('/.well-known/passkey-endpoints'), { enroll: page, manage: page });
    const w = await createWorld(s);
    const { device } = await addPasskey(s, w.root, createAuthenticator({ origin: 'https://shop.example' }));
    assert.equal(device.credentials[0]?.rpId, 'example.com');
    ok(await passkeySignIn(s, device), 200);
    refused(await passkeySignIn(s, device, { origin: 'https://auth.example.com' }), 401, 'passkey_invalid');
  } finally {
    await s.close();
  }
});

test('PASSKEYS=off: no route, no method, no field', async () => {
  const s = await openScene({ env: { PASSKEYS: 'off' } });
  try {
    for (const path of ['/auth/passkey/options', '/auth/passkey', '/users/me/passkeys/options']) {
      refused(await s.client.send('POST', path, { body: {} }), 404, 'not_found');
    }
    assert.ok(s.app.catalogue.list().every(({ code }) => !code.includes('passkey')));
    const body = { flowToken: 'x', challengeToken: 'x', response: {} };
    refused(await s.client.send('POST', '/auth/complete-step', { body }), 400, 'validation_failed');
  } finally {
    await s.close();
  }
});
