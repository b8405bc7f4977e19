import { findBinary, run } from './server-process.ts';

const FOLDERS = ['/usr/bin', '/usr/local/bin', '/snap/bin'];

/** The browser that CHROMIUM names, or one of this machine; null if there is none. */
export const findChromium = (): string | null => process.env.CHROMIUM || findBinary(['chromium'], FOLDERS);

/** Its version; null if there is none. Throws if CHROMIUM names none. */
export async function chromiumVersion(): Promise<string | null> {
  const program = findChromium();
  return program === null ? null : ((await run([program, '--version', '--no-sandbox'])).split('\n')[0] ?? null);
}
