import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html, toMarkup, trustedHtml } from './html.ts';

test('what is put into a template is escaped, once', () => {
  const hostile = `<script>alert("1")</script>'&amp;`;
  const inner = html`<b title="${hostile}">${hostile}</b>`;
  const escaped = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;amp;';
  assert.equal(toMarkup(inner), `<b title="${escaped}">${escaped}</b>`);
  assert.equal(
    toMarkup(html`<p>${inner}${[html`1`, html`2`]}${3}${null}${trustedHtml('<br>')}</p>`),
    `<p>${toMarkup(inner)}123<br></p>`,
  );
});

test('an object that a client sent is not markup', () => {
  const sent = JSON.parse('{"markup":"<script>","Symbol(markup)":"<script>"}');
  assert.equal(toMarkup(html`<p>${sent}</p>`).includes('<script>'), false);
});
