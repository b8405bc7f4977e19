import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AUTHORITY, OTHER_AUTHORITY } from '../../../test/certificates.ts';
import { directory, STRONG_KEY } from './config.testing.ts';
import { loadConfig } from './load-config.ts';

test('certificates come from a file or a line, and what stands around them is left out', (t) => {
  const cwd = directory(t);
  writeFileSync(join(cwd, 'ca.pem'), `Bag attributes\n${AUTHORITY}\nsubject=x\n${OTHER_AUTHORITY}`);
  const load = (env: Record<string, string>) => loadConfig({ env: { SECRET_KEY: STRONG_KEY, ...env }, cwd });
  const { config, warnings } = load({ SMTP_CA_FILE: 'ca.pem' });
  assert.equal(config.mail.smtpCa, AUTHORITY + OTHER_AUTHORITY);
  assert.deepEqual(warnings, []);
  assert.equal(load({ SMTP_CA: AUTHORITY.replaceAll('\n', '\\n') }).config.mail.smtpCa, AUTHORITY);
});
