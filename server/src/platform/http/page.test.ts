import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { html } from '../html.ts';
import { pagePolicy, renderPage } from './page.ts';

const SCRIPT = "document.title = 'x';";
const hashOf = (text: string | undefined) =>
  `'sha256-${createHash('sha256')
    .update(text ?? '')
    .digest('base64')}'`;

test('the policy lets through exactly the style and script of the page', () => {
  const page = renderPage({ title: 'T', main: html`<p>x</p>`, script: SCRIPT });
  const policy = pagePolicy({ script: SCRIPT });
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1];
  const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1];
  assert.match(policy, /^default-src 'none'; /);
  assert.ok(policy.includes(`style-src ${hashOf(style)};`));
  assert.ok(policy.includes(`script-src ${hashOf(script)};`));
  assert.ok(policy.includes("connect-src 'self'"));
  assert.doesNotMatch(policy, /unsafe-/);
});

test('a page without a script may run none and call nobody', () => {
  const page = renderPage({ title: 'T', main: html`<p>x</p>` });
  assert.doesNotMatch(page, /<script/);
  assert.doesNotMatch(pagePolicy(), /script-src|connect-src/);
});

test('titles are escaped, and nothing is loaded from elsewhere', () => {
  const page = renderPage({ title: '</title><script>', main: html`<p>${'<i>'}</p>` });
  assert.ok(page.includes('<title>&lt;/title&gt;&lt;script&gt;</title>'));
  assert.ok(page.includes('<p>&lt;i&gt;</p>'));
  assert.doesNotMatch(page, /https?:|\/\/|url\(|@import/);
});
