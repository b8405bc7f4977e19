import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cores, pinned } from './cores.ts';

/** Requests under way at a time: enough to keep one core busy, few enough that none waits long. */
const CONNECTIONS = 32;
const PROGRAM = fileURLToPath(import.meta.resolve('autocannon'));

interface Result {
  duration: number;
  errors: number;
  timeouts: number;
  non2xx: number;
  requests: { total: number };
}

/** Loads a URL for so many seconds from a process of its own; answers how many it answered, in how many seconds. Throws if one was not answered with 2xx. */
export async function loadUrl(
  url: string,
  options: { cores: Cores; seconds: number; headers: Record<string, string> },
): Promise<{ requests: number; duration: number }> {
  const headers = Object.entries(options.headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
  const counts = ['-c', `${CONNECTIONS}`, '-d', `${options.seconds}`, '--json', '--no-progress'];
  const [file = '', ...args] = pinned(options.cores, [process.execPath, PROGRAM, ...counts, ...headers, url]);
  const { stdout } = await promisify(execFile)(file, args, { maxBuffer: 16 * 1024 * 1024 });
  const result = JSON.parse(stdout) as Result;
  if (result.errors + result.timeouts + result.non2xx > 0) {
    const { errors, timeouts, non2xx } = result;
    throw new Error(`${url}: ${errors} errors, ${timeouts} timeouts, ${non2xx} answers other than 2xx`);
  }
  return { requests: result.requests.total, duration: result.duration };
}
