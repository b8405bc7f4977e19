import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp } from 'ostiary';
import { sites } from './sites/module.ts';

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a route answers, as a client sees it
  body: any;
}

interface Client {
  reportViolation(options: object): Promise<{ id: string; evidence: { fileId: string }[] }>;
  followSite(options: object): () => void;
}

const PASSWORD = 'walks the dog at seven';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Looks until `find` answers something else than null, for a minute at most. */
async function until<T>(what: string, find: () => T | null | Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await find();
    if (found !== null) return found;
    await pause(100);
  }
  assert.fail(`There is still not ${what}.`);
}

/**
 * What the README tells, on a server that listens: `await story({ env: { DATABASE_URL: 'sqlite::memory:', DATA_DIR: dir }, cwd: dir })`. Throws
 * where something is not as it says.
 */
export async function story({ env, cwd }: { env: Record<string, string>; cwd: string }): Promise<void> {
  const port = await freePort();
  const server = await createApp({
    env: {
      ENVIRONMENT: 'test',
      HOST: '127.0.0.1',
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      SECRET_KEY: 'a key for tests, of 32 characters or more',
      EMAIL_VERIFICATION: 'off',
      LOG_LEVEL: 'silent',
      ...env,
    },
    cwd,
    modules: [sites],
  });
  try {
    const origin = await server.listen();
    await tell({ api: `${origin}/api/v1`, setupLink: (await server.setupLink()) ?? '' });
  } finally {
    await server.close();
  }
}

async function tell({ api, setupLink }: { api: string; setupLink: string }): Promise<void> {
  const client: Client = await import(new URL('./client/sites.js', import.meta.url).href);

  async function send(method: string, path: string, token = '', body?: object): Promise<Answer> {
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    };
    const answer = await fetch(path.startsWith('http') ? path : api + path, {
      method,
      headers: { accept: 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  }
  async function ok(...request: Parameters<typeof send>) {
    const { status, body } = await send(...request);
    assert.ok(status < 300, `${request[0]} ${request[1]}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
  async function refused([status, code]: [number, string], ...request: Parameters<typeof send>) {
    const answer = await send(...request);
    assert.deepEqual([answer.status, answer.body?.code], [status, code], `${request[0]} ${request[1]}`);
  }

  // The administrator, and two people.
  const root = { email: 'root@example.com', username: 'rooty', password: PASSWORD };
  await ok('POST', '/setup', '', { token: setupLink.split('#token=')[1], ...root });
  const login = { login: 'rooty', password: PASSWORD, tokenTransport: 'body' };
  const { accessToken: admin } = await ok('POST', '/auth/login', '', login);
  async function join(username: string) {
    const person = { email: `${username}@example.com`, username, password: PASSWORD, tokenTransport: 'body' };
    const { accessToken: token, user } = await ok('POST', '/auth/register', '', person);
    return { token, id: user.id as string };
  }
  const [ann, bob] = [await join('annie'), await join('bobby')];

  // A role whose permission is the route: its holders create sites, and nothing else.
  await refused([403, 'forbidden'], 'POST', '/admin/sites', bob.token, { name: 'Harbour' });
  const permissions = ['POST:/api/v1/admin/sites'];
  await ok('POST', '/admin/roles', admin, { code: 'surveyor', name: 'Surveyors', permissions });
  await ok('PUT', `/admin/users/${bob.id}/roles`, admin, { roles: ['user', 'surveyor'] });
  const { id: harbour } = await ok('POST', '/admin/sites', bob.token, { name: 'Harbour' });
  await refused([403, 'forbidden'], 'GET', '/admin/sites', bob.token);
  const { id: bridge } = await ok('POST', '/admin/sites', admin, { name: 'Bridge' });

  // Users look after sites: many to many.
  await refused([404, 'site_not_found'], 'GET', `/sites/${harbour}`, ann.token);
  await refused([404, 'user_not_found'], 'PUT', `/admin/sites/${harbour}/users/${harbour}`, admin);
  for (const [site, { id }] of [
    [harbour, ann],
    [bridge, ann],
    [harbour, bob],
  ] as const) {
    await ok('PUT', `/admin/sites/${site}/users/${id}`, admin);
  }
  const many = await Promise.all([1, 2, 3].map(() => ok('PUT', `/admin/sites/${harbour}/users/${ann.id}`, admin)));
  for (const { userIds } of many) assert.deepEqual(userIds, [ann.id, bob.id].sort());
  const namesOf = async (token: string) =>
    (await ok('GET', '/sites', token)).items.map(({ name }: { name: string }) => name);
  assert.deepEqual([await namesOf(ann.token), await namesOf(bob.token)], [['Bridge', 'Harbour'], ['Harbour']]);

  // Bob's page follows the harbour while Ann reports a violation there, with evidence.
  const seen: { text: string; evidence: unknown[]; status: string }[][] = [];
  let ending: unknown = null;
  const stop = client.followSite({
    api,
    token: bob.token,
    siteId: harbour,
    onChange: (items: (typeof seen)[number]) => seen.push(items),
    onEnd(reason: unknown) {
      ending ??= reason;
    },
  });
  try {
    await until('a page that follows', () => seen[0] ?? null);
    // An administrator who does not look after it is told nothing.
    let refusal: unknown = null;
    const onEnd = (reason: unknown) => {
      refusal ??= reason;
    };
    client.followSite({ api, token: admin, siteId: harbour, onChange: () => assert.fail('it is followed'), onEnd });
    assert.match(String(await until('a refusal', () => refusal)), /cannot be followed: forbidden/);

    const photograph = new File(['not a photograph, but the bytes of one'], 'leak.txt', { type: 'text/plain' });
    const report = { api, token: ann.token, siteId: harbour, text: 'Oil leaks', file: photograph };
    const { id, evidence } = await client.reportViolation(report);
    await until('the evidence on the page', () => seen.find(([first]) => first?.evidence.length === 1) ?? null);

    // Evidence is for who looks after the site, and nobody else.
    const path = `/violations/${id}/evidence/${evidence[0]?.fileId}`;
    const { url } = await ok('GET', path, bob.token);
    assert.equal(await (await fetch(url)).text(), 'not a photograph, but the bytes of one');
    await refused([404, 'violation_not_found'], 'GET', path, admin);
    await refused([404, 'file_not_found'], 'POST', `/violations/${id}/evidence`, bob.token, {
      fileId: evidence[0]?.fileId,
    });

    // The morning's report, run now: once a day, however often it runs.
    const schedules = await ok('GET', '/admin/schedules?pageSize=100', admin);
    const { id: schedule } = schedules.items.find(({ name }: { name: string }) => name === 'sites.report');
    await ok('POST', `/admin/schedules/${schedule}/run`, admin);
    const subject = 'Open violations at your sites';
    const reportsTo = async (name: string): Promise<{ text: string }[]> => {
      const mails: { to: string; subject: string; text: string }[] = await ok(
        'GET',
        `${new URL(api).origin}/dev/mailbox`,
      );
      return mails.filter((mail) => mail.to === `${name}@example.com` && mail.subject === subject);
    };
    for (const name of ['annie', 'bobby']) {
      const { text } = await until(`a report for ${name}`, async () => (await reportsTo(name))[0] ?? null);
      assert.match(text, /Harbour: 1/);
      assert.doesNotMatch(text, /Bridge/);
    }
    await ok('POST', `/admin/schedules/${schedule}/run`, admin);
    await until('the second run', async () => {
      const { items } = await ok('GET', '/admin/jobs?queue=sites.report&state=completed', admin);
      return items.length === 2 ? items : null;
    });
    const due = await ok('GET', '/admin/events?type=site.report_due', admin);
    assert.equal(due.total, 2);

    // Resolved, and seen everywhere.
    await ok('POST', `/violations/${id}/resolve`, ann.token);
    await until('the resolution on the page', () => seen.find(([first]) => first?.status === 'resolved') ?? null);
    assert.equal((await ok('GET', '/admin/violations?status=open', admin)).total, 0);
    assert.equal((await ok('GET', `/sites/${harbour}/violations`, bob.token)).total, 1);
    const events = await ok('GET', '/admin/events?type=violation.*', admin);
    assert.deepEqual(
      events.items.map(({ type }: { type: string }) => type),
      ['violation.resolved', 'violation.evidence_added', 'violation.reported'],
    );

    // Who no longer looks after the site hears no more of it, at once.
    assert.equal(ending, null);
    await ok('DELETE', `/admin/sites/${harbour}/users/${bob.id}`, admin);
    assert.match(String(await until('an end', () => ending)), /cannot be followed: forbidden/);
    await refused([404, 'site_not_found'], 'GET', `/sites/${harbour}/violations`, bob.token);

    // An erased account leaves nothing of itself.
    await ok('DELETE', `/admin/users/${ann.id}?erase=true`, admin);
    await until('a violation that nobody has reported', async () => {
      const [violation] = (await ok('GET', '/admin/violations', admin)).items;
      return violation.reportedBy === null && violation.evidence.length === 0 ? violation : null;
    });
    const all = await until('sites without Ann', async () => {
      const { items } = await ok('GET', '/admin/sites', admin);
      return items.some(({ userIds }: { userIds: string[] }) => userIds.includes(ann.id)) ? null : items;
    });
    assert.equal(all.length, 2);
  } finally {
    stop();
  }
}
