import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';
import type { Environment } from './read-sources.ts';

/** A key without any of the detected weaknesses. */
export const STRONG_KEY = 'kV3mT9xQ2bN7wZ5rJ8pL4hD6gF1sYcAu';

/** The minimum that production starts with. */
export const PRODUCTION: Environment = {
  ENVIRONMENT: 'production',
  PUBLIC_URL: 'https://auth.example.com',
  SECRET_KEY: STRONG_KEY,
  SMTP_URL: 'smtp://mail.example.com:587',
  MAIL_FROM: 'Accounts <no-reply@example.com>',
};

/** A working directory for one test, with a `.env` of that content if given. */
export function directory(t: TestContext, dotenv?: string): string {
  const cwd = mkdtempSync(join(tmpdir(), 'ostiary-config-'));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  if (dotenv !== undefined) writeFileSync(join(cwd, '.env'), dotenv);
  return cwd;
}

/** The error for these sources; fails if there is none. */
export function refused(env: Environment, cwd: string): ConfigError {
  try {
    loadConfig({ env, cwd });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  assert.fail('the configuration was accepted');
}

/** The names of all faults of these sources. */
export const faulty = (env: Environment, cwd: string): string[] => refused(env, cwd).faults.map(({ name }) => name);
