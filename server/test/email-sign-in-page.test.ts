import assert from 'node:assert/strict';

import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { findChromium } from '../tools/test-servers/chromium.ts';
import { ok } from './client.ts';
import { BY_LINK, begin, makeAccount, signInMail, verify } from './mail-sign-in.ts';
import { openScene, type Scene } from './scenario.ts';

const CHROMIUM = findChromium();
/** A folder for pictures of the page, to look at. */
const PICTURES = process.env.PICTURES || null;

describe('the page of the link, in a browser', { skip: CHROMIUM === null && 'there is no Chromium' }, () => {
  let s: Scene;
  let confirming: Scene;
  let browser: Browser;

  before(async () => {
    // Loaded here, because it takes a while, and not at all without a browser.
    const { chromium } = await import('playwright-core');
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? assert.fail(),
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
    [s, confirming] = await Promise.all([
      openScene({ env: BY_LINK }),
      openScene({ env: { ...BY_LINK, EMAIL_LINK_ELSEWHERE: 'confirm' } }),
    ]);
    for (const scene of [s, confirming]) await scene.app.http.listen({ host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await browser.close();
    await Promise.all([s.close(), confirming.close()]);
  });

  const originOf = ({ app }: Scene) => `http://localhost:${(app.http.server.address() as AddressInfo).port}`;
  const linkOf = (scene: Scene, token: string) => `${originOf(scene)}/email-sign-in#token=${token}`;

  /** A page, and what its console complains about, such as a breach of its policy. */
  async function open(context: BrowserContext, url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url);
    return { page, complaints };
  }

  async function shows(page: Page, title: string): Promise<void> {
    await page.locator('h1:visible', { hasText: title }).waitFor({ timeout: 20_000 });
    assert.equal(await page.title(), title);
    assert.equal(await page.locator('section:visible').count(), 1);
    await picture(page, title);
  }

  async function picture(page: Page, title: string): Promise<void> {
    if (PICTURES === null) return;
    await mkdir(PICTURES, { recursive: true });
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [360, 1024]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 640 });
        await page.screenshot({ path: `${PICTURES}/${title.replaceAll(/\W+/g, '-')}-${colorScheme}-${width}.png` });
      }
    }
  }

  /** Asks for the mail as a page of this server does, so that the browser keeps the cookie. */
  async function beginIn(context: BrowserContext, scene: Scene, body: object): Promise<void> {
    const { page } = await open(context, `${originOf(scene)}/email-sign-in`);
    const status = await page.evaluate(async (sent) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch('/api/v1/auth/email-code', { method: 'POST', headers, body: sent });
      return answer.status;
    }, JSON.stringify(body));
    assert.equal(status, 202);
    await page.close();
  }

  test('scanners that run it and press what there is use nothing up; then the person is signed in, and goes on', async () => {
    const { id, email } = await makeAccount(s);
    const [person, scanner] = [await browser.newContext(), await browser.newContext()];
    // The port of the test is not that of PUBLIC_URL: a path fits whatever the origin is.
    await beginIn(person, s, { email, returnTo: '/docs/errors' });
    const { token } = await signInMail(s, email);
    for (let visit = 0; visit < 3; visit++) {
      const { page, complaints } = await open(scanner, linkOf(s, token));
      await shows(page, 'Enter the code where you began');
      for (const button of await page.locator('button').all()) await button.dispatchEvent('click');
      await shows(page, 'Enter the code where you began');
      assert.equal(new URL(page.url()).hash, '', 'the token is not in the address bar');
      assert.deepEqual(complaints, []);
      await page.close();
    }
    assert.equal((await s.app.storage.sessions.listLatest(id, 9)).length, 0);
    assert.deepEqual(await scanner.cookies(), []);

    const { page, complaints } = await open(person, `${originOf(s)}/email-sign-in`);
    await shows(page, 'The link is incomplete');
    await page.route('http://localhost:8000/**', (route) => route.fulfill({ body: 'the application' }));
    await page.goto(linkOf(s, token));
    await page.waitForURL('http://localhost:8000/docs/errors');
    assert.deepEqual(complaints, []);
    const names = (await person.cookies()).map(({ name }) => name);
    assert.ok(names.includes('ostiary') && !names.includes('ostiary-email'), names.join());
    assert.equal((await s.app.storage.sessions.listLatest(id, 9)).length, 1);
    const again = await open(person, linkOf(s, token));
    await shows(again.page, 'This link does not work any more');
    await Promise.all([person.close(), scanner.close()]);
  });

  test('without a page to go on to it says what to do', async () => {
    const { email } = await makeAccount(s);
    const person = await browser.newContext();
    await beginIn(person, s, { email });
    const { token } = await signInMail(s, email);
    const { page } = await open(person, linkOf(s, token));
    await shows(page, 'You are signed in');
    await page.locator('h1:focus', { hasText: 'You are signed in' }).waitFor();
    await person.close();
  });

  test('after the scanner the code works, too', async () => {
    const { email } = await makeAccount(s);
    const { flowToken, code, token } = await begin(s, email);
    const scanner = await browser.newContext();
    const { page } = await open(scanner, linkOf(s, token));
    await shows(page, 'Enter the code where you began');
    ok(await verify(s, { flowToken, code }), 200);
    await scanner.close();
  });

  test('with EMAIL_LINK_ELSEWHERE=confirm it signs in after a press, and says as whom', async () => {
    const { email } = await makeAccount(confirming);
    const { flowToken, code, token } = await begin(confirming, email);
    const elsewhere = await browser.newContext();
    const { page, complaints } = await open(elsewhere, linkOf(confirming, token));
    await shows(page, 'Sign in on this device?');
    await page.locator('strong:visible', { hasText: 'p…@example.com' }).waitFor();
    await page.getByRole('button', { name: 'Sign in here' }).click();
    await shows(page, 'You are signed in');
    assert.deepEqual(complaints, []);
    assert.equal((await verify(confirming, { flowToken, code })).statusCode, 400);
    await elsewhere.close();
  });

  test('every other answer is told plainly, and can be tried again', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const problem = (code: string, title: string) => JSON.stringify({ code, title });
    const answers: [string, object | null, RegExp][] = [
      ['One more step is needed', { status: 403, body: problem('step_required', 'x') }, /window where you began/],
      [
        'This link does not work any more',
        { status: 403, body: problem('email_sign_in_off', 'x') },
        /older than 10 minutes/,
      ],
      [
        'That did not work',
        {
          status: 429,
          headers: { 'retry-after': '120' },
          body: problem('rate_limited', 'Too many requests; try again later.'),
        },
        /Too many requests\. Try again in 2 minutes\./,
      ],
      [
        'That did not work',
        { status: 500, body: problem('internal', 'Something went wrong on our side.') },
        /on our side/,
      ],
      ['That did not work', { status: 502, body: '<h1>Bad gateway' }, /The server answered 502/],
      ['That did not work', null, /cannot be reached/],
    ];
    for (const [title, answer, said] of answers) {
      await page.unrouteAll();
      await page.route('**/verify', (route) => (answer === null ? route.abort() : route.fulfill(answer)));
      await page.goto('about:blank');
      await page.goto(linkOf(s, 'AAAA'));
      await shows(page, title);
      await page.locator('p:visible', { hasText: said }).waitFor();
    }
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Try again' }).click();
    await shows(page, 'This link does not work any more');
    await context.close();
  });
});
