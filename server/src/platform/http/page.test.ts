import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { html } from '../html.ts';
import { pagePolicy, renderPage, THEMES } from './page.ts';

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

/** The contrast of two colours (WCAG 2.2), 1 to 21. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test('in both themes, text and the edges of controls can be told from what is behind them', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21);
  for (const [theme, colours] of Object.entries(THEMES)) {
    const pairs: [keyof typeof colours, keyof typeof colours, number][] = [
      ...(['ink', 'soft', 'act', 'bad', 'good'] as const).flatMap((text) => [
        [text, 'card', 4.5] as [typeof text, 'card', number],
        [text, 'ground', 4.5] as [typeof text, 'ground', number],
      ]),
      ['onAct', 'act', 4.5],
      ['ink', 'chosen', 4.5],
      ['soft', 'chosen', 4.5],
      ['edge', 'card', 3],
      ['bad', 'card', 3],
      ['ring', 'card', 3],
      ['ring', 'ground', 3],
    ];
    for (const [front, back, least] of pairs) {
      const measured = contrast(colours[front], colours[back]);
      assert.ok(measured >= least, `${theme}: ${front} on ${back} has ${measured.toFixed(2)}, needs ${least}`);
    }
  }
});
