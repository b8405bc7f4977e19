import type { Config } from '../../platform/config/config.ts';
import type { Part } from '../../platform/http/part.ts';
import { pageRoutes } from './routes.ts';

/** The few pages that the server has of its own: `createPages({ config, version })`. */
export function createPages(deps: { config: Config; version: string }): Part {
  return { pages: [pageRoutes(deps)] };
}
