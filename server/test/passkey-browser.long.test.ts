import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';
import { findChromium } from '../tools/test-servers/chromium.ts';
import { createWorld, type Member, member, type World } from './matrix/world.ts';
import { openScene, type Scene } from './scenario.ts';
import { until } from './until.ts';

const executablePath = findChromium() ?? assert.fail('there is no Chromium');
const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/guides/passkeys.md'), 'utf8');
/** What the page server has beside the page, by the beginning of the path. */
const SCRIPTS = [
  ['/lib/', join(import.meta.dirname, '../../node_modules/@simplewebauthn/browser/esm')],
  ['/test/', import.meta.dirname],
] as const;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('passkeys in Chromium, on the page of the guide', () => {
  let s: Scene;
  let w: World;
  let browser: Browser;
  let pages: Server;
  let origin: string;

  before(async () => {
    const port = await freePort();
    const page = /```html\n(.*?)```/s.exec(GUIDE)?.[1]?.replaceAll('http://localhost:8000', `http://localhost:${port}`);
    assert.ok(page);
    pages = createServer(({ url = '/' }, answer) => {
      const script = SCRIPTS.find(([prefix]) => url.startsWith(prefix));
      if (!script) return answer.setHeader('content-type', 'text/html').end(url === '/empty' ? '' : page);
      const [prefix, folder] = script;
      answer.setHeader('content-type', 'text/javascript').end(readFileSync(join(folder, url.slice(prefix.length))));
    });
    origin = `http://localhost:${await listen(pages)}`;
    const env = { PUBLIC_URL: `http://localhost:${port}`, CORS_ORIGINS: origin };
    s = await openScene({ env });
    await s.app.http.listen({ port, host: '127.0.0.1' });
    w = await createWorld(s);
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser?.close();
    await new Promise((resolve) => pages?.close(resolve));
    await s?.close();
  });

  interface Opened {
    page: Page;
    cdp: CDPSession;
    authenticatorId: string;
    credentials(): Promise<{ credentialId: string; signCount: number }[]>;
    told(text: RegExp): Promise<string>;
    passkeys(count: number): Promise<string[]>;
    close(): Promise<void>;
  }

  async function open(authenticator: object = {}): Promise<Opened> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable', { enableUI: false });
    const options = {
      protocol: 'ctap2' as const,
      transport: 'internal' as const,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...authenticator,
    };
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options });
    await page.goto(origin);
    return {
      page,
      cdp,
      authenticatorId,
      credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
      told: (text) =>
        until(`the page says ${text}`, async () => {
          const said = (await page.textContent('#told')) ?? '';
          return text.test(said) ? said : null;
        }),
      passkeys: (count) =>
        until(`${count} passkeys on the page`, async () => {
          const items = await page.locator('#list li').allTextContents();
          return items.length === count ? items : null;
        }),
      close: () => context.close(),
    };
  }

  async function signInByPassword({ page }: Opened, { email, password }: Member): Promise<void> {
    await page.fill('[name=login]', email);
    await page.fill('[name=password]', password);
    await page.click('#sign-in button');
  }

  const passkeyOf = async ({ userId }: Member) => (await s.app.storage.factors.find(userId))?.passkeys ?? [];
  const methodsOf = async ({ userId }: Member) => {
    const sessions = await s.app.storage.sessions.listOpen(userId, s.time.now);
    return sessions.map(({ methods }) => methods.map(({ method }) => method).join('+')).sort();
  };

  const VARIANTS = [
    ...[true, false].flatMap((resident) =>
      [true, false].map((verifies) => ({ protocol: 'ctap2' as const, transport: 'usb' as const, resident, verifies })),
    ),
    { protocol: 'u2f' as const, transport: 'usb' as const, resident: false, verifies: false },
  ];

  for (const { protocol, transport, resident, verifies } of VARIANTS) {
    const kind = `${protocol}, ${resident ? 'resident' : 'not resident'}, ${verifies ? 'with' : 'without'} user verification`;
    test(`${kind}: ${resident && verifies ? 'signs in' : 'is a second factor'}`, async () => {
      const ada = await member(w);
      const o = await open({
        protocol,
        transport,
        hasResidentKey: resident,
        hasUserVerification: verifies,
        isUserVerified: verifies,
      });
      try {
        await signInByPassword(o, ada);
        await o.told(/^Hello/);
        if (resident && verifies) await o.page.click('#add');
        else {
          // A key without room for accounts, or without a PIN, is added only as the kind that needs neither.
          const wish = { kind: 'security_key' };
          // Chromium makes no resident key where the key cannot verify, not even if that is only preferred.
          if (resident) await assert.rejects(run(o, 'add', ada, { wish }), /NotAllowedError/);
          await run(o, 'add', ada, { wish, ...(resident && { selection: { residentKey: 'discouraged' } }) });
        }
        await until('a passkey in the database', async () => (await passkeyOf(ada))[0] ?? null);
        assert.equal((await o.credentials()).length, 1);
        await o.page.goto(origin);
        if (resident && verifies) {
          await o.page.click('#by-passkey');
          await o.told(/^Hello/);
          assert.ok((await methodsOf(ada)).includes('passkey'));
        }
        await o.page.goto(origin);
        await signInByPassword(o, ada);
        await o.told(/^Hello/);
        const method = verifies ? 'passkey' : 'passkey_presence';
        assert.ok((await methodsOf(ada)).includes(`password+${method}`), (await methodsOf(ada)).join());
      } finally {
        await o.close();
      }
    });
  }

  /** Calls a function of `passkey-page.js` in the page. */
  async function run({ page }: Opened, name: string, { email, password }: Member, more: object = {}): Promise<unknown> {
    // Where no request of the page itself waits.
    await page.goto(`${origin}/empty`);
    const given = JSON.stringify({ server: s.config.publicUrl, email, password, ...more });
    return page.evaluate(`import('/test/passkey-page.js').then((scripts) => scripts.${name}(${given}))`);
  }

  test('the autofill of the field signs in', async () => {
    const ada = await member(w);
    const o = await open();
    try {
      await signInByPassword(o, ada);
      await o.told(/^Hello/);
      await o.page.click('#add');
      await o.passkeys(1);
      // The virtual authenticator answers a conditional request by itself.
      await o.page.goto(origin);
      await o.told(/^Hello/);
      assert.ok((await methodsOf(ada)).includes('passkey'));
    } finally {
      await o.close();
    }
  });

  test('a browser that is asked to add a passkey silently takes the options, and leaves the page usable', async () => {
    const ada = await member(w);
    const o = await open();
    try {
      // Only the password manager of the browser's maker adds silently; with a virtual authenticator the request waits for ever.
      const capable = 'PublicKeyCredential.getClientCapabilities().then(({ conditionalCreate }) => conditionalCreate)';
      assert.equal(await o.page.evaluate(capable), true);
      const asked = o.page.waitForResponse((answer) => answer.url().endsWith('/users/me/passkeys/options'));
      await signInByPassword(o, ada);
      assert.equal((await asked).status(), 200);
      assert.deepEqual((await asked).request().postDataJSON(), { conditional: true });
      await o.told(/^Hello/);
      await o.page.click('#add');
      await o.passkeys(1);
    } finally {
      await o.close();
    }
  });

  test('two passkeys; one that is removed here is forgotten by the browser, too', async () => {
    const ada = await member(w);
    const o = await open();
    try {
      await signInByPassword(o, ada);
      await o.told(/^Hello/);
      await o.page.click('#add');
      await o.passkeys(1);
      // A second one of the same authenticator is refused by the browser itself.
      await o.page.click('#add');
      await o.told(/./);
      const second = await o.cdp.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'usb',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
          automaticPresenceSimulation: true,
        },
      });
      await o.page.click('#add');
      await o.passkeys(2);
      const held = async (authenticatorId: string) =>
        (await o.cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length;
      assert.deepEqual([await held(o.authenticatorId), await held(second.authenticatorId)], [1, 1]);
      await o.page.click('#list li:first-child button');
      await o.passkeys(1);
      await until('one is forgotten', async () =>
        (await held(o.authenticatorId)) + (await held(second.authenticatorId)) === 1 ? true : null,
      );
    } finally {
      await o.close();
    }
  });

  test('a passkey that nobody has is forgotten after its sign-in failed', async () => {
    const ada = await member(w);
    const o = await open();
    try {
      await signInByPassword(o, ada);
      await o.told(/^Hello/);
      await o.page.click('#add');
      await o.passkeys(1);
      await s.app.storage.factors.removeForUser(ada.userId);
      await o.page.goto(origin);
      await o.told(/not accepted/);
      await until('it is forgotten', async () => ((await o.credentials()).length === 0 ? true : null));
    } finally {
      await o.close();
    }
  });

  test('another library does the same with the same options', async () => {
    const ada = await member(w);
    const o = await open();
    try {
      const userId = await run(o, 'withLibrary', ada);
      assert.equal(userId, ada.userId);
    } finally {
      await o.close();
    }
  });
});
