import type { App } from '../app.ts';
import { loadModules } from '../load-modules.ts';
import type { Config } from '../platform/config/config.ts';
import type { Database } from '../platform/database/database.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import { openApp, openDatabase } from '../start.ts';

/** Runs `work` on the server's parts over its database, without listening, and closes both: `await withApp(context, ({ app }) => …)`. */
export async function withApp<T>(
  { config, log }: { config: Config; log: Logger },
  work: (opened: { app: App; database: Database }) => Promise<T>,
): Promise<T> {
  const modules = await loadModules(config);
  const database = await openDatabase(config, log);
  try {
    const { app, close } = await openApp({ config, database, log, modules });
    try {
      return await work({ app, database });
    } finally {
      await close();
    }
  } finally {
    await database.close();
  }
}
