// A process that carries out what resets are due, and kills itself right after a number of writes of one kind; 0: never.
// node reset-worker.ts sessions|factors <number>

import { loadConfig } from '../../src/platform/config/load-config.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { openApp, openDatabase } from '../../src/start.ts';

const [kind = '', number = '0'] = process.argv.slice(2);
const { config } = loadConfig({ env: process.env, cwd: process.cwd() });
const log = createLog(config.log);
const database = await openDatabase(config, log);
const { app, close } = await openApp({ config, database, log });
const { users, factors } = app.storage;

let left = Number(number);
/** The same verb, after whose write the process is gone. */
const deadly =
  <Given extends unknown[], Result>(verb: (...given: Given) => Promise<Result>) =>
  async (...given: Given) => {
    const result = await verb(...given);
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    return result;
  };
if (kind === 'sessions') users.endSessions = deadly(users.endSessions);
if (kind === 'factors') factors.reset = deadly(factors.reset);

for (const { userId } of await factors.dueResets(new Date(), 100)) await app.factorResets.carryOut(userId);
process.stdout.write('done\n');
await close();
await database.close();
