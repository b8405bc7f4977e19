import { format } from 'node:util';
import type { Logger } from './log.ts';

const METHODS = { error: 'warn', warn: 'warn', info: 'info', log: 'info', debug: 'debug', trace: 'debug' } as const;
/** Different lines that are remembered as told. */
const ROOM = 1000;
/** Node's own listener, which writes to standard error. */
const PRINTER = 'onWarning';

/**
 * Sends what libraries write to the console, and the warnings of Node, through the log, each line once: beside JSON lines they would break
 * whoever reads those, and some come with every connection. For processes that serve; commands talk to people.
 */
export function takeLibraryLines(log: Logger): void {
  const told = new Set<string>();
  const isNew = (line: string): boolean => {
    if (told.has(line)) return false;
    if (told.size >= ROOM) told.clear();
    told.add(line);
    return true;
  };

  for (const [method, level] of Object.entries(METHODS)) {
    console[method as keyof typeof METHODS] = (...args: unknown[]) => {
      const line = format(...args).trim();
      if (line !== '' && isNew(line)) log[level](`a library says: ${line}`);
    };
  }
  for (const listener of process.listeners('warning')) {
    if (listener.name === PRINTER) process.removeListener('warning', listener);
  }
  process.on('warning', (warning) => {
    if (isNew(`${warning.name} ${warning.message}`)) log.warn({ err: warning }, 'a warning of Node.js');
  });
}
