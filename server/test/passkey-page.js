// Runs in the browser of `passkey-browser.long.test.ts`: what the page of the guide has no button for.

async function call(server, path, body, token) {
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${server}/api/v1${path}`, {
    method: 'POST',
    headers,
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Signs in by password and adds a passkey with these wishes; its name. `selection`: changes of what the server asks for. */
export async function add({ server, email, password, wish, selection }) {
  const { accessToken } = await call(server, '/auth/login', { login: email, password });
  const { challengeToken, options } = await call(server, '/users/me/passkeys/options', wish, accessToken);
  Object.assign(options.authenticatorSelection, selection);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  const body = { challengeToken, response: credential.toJSON() };
  return (await call(server, '/users/me/passkeys', body, accessToken)).passkey.name;
}

/** Adds a passkey and signs in with it, both by `@simplewebauthn/browser`; the id of the user. */
export async function withLibrary({ server, email, password }) {
  const { startAuthentication, startRegistration } = await import('/lib/index.js');
  const { accessToken } = await call(server, '/auth/login', { login: email, password });
  const asked = await call(server, '/users/me/passkeys/options', {}, accessToken);
  const added = await startRegistration({ optionsJSON: asked.options });
  await call(server, '/users/me/passkeys', { challengeToken: asked.challengeToken, response: added }, accessToken);
  const { challengeToken, options } = await call(server, '/auth/passkey/options');
  const response = await startAuthentication({ optionsJSON: options });
  return (await call(server, '/auth/passkey', { challengeToken, response })).user.id;
}
