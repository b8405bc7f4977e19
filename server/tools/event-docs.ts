import { globSync, readFileSync, writeFileSync } from 'node:fs';
import type { EventTypes } from '../src/modules/events/event-store.ts';

const PAGE = new URL('../../docs/events.md', import.meta.url);
const MODULES = new URL('../src/modules/', import.meta.url);
const HEAD = '| event | module | meaning |\n|---|---|---|\n';

/** What every module says of its events, by module. Throws where two modules tell of one. */
export async function eventCatalogue(): Promise<Map<string, { module: string; meaning: string }>> {
  const all = new Map<string, { module: string; meaning: string }>();
  for (const file of globSync('*/event-types.ts', { cwd: MODULES }).sort()) {
    const { eventTypes } = (await import(new URL(file, MODULES).href)) as { eventTypes: EventTypes };
    const module = file.slice(0, file.indexOf('/'));
    for (const [type, meaning] of Object.entries(eventTypes)) {
      const other = all.get(type)?.module;
      if (other !== undefined) throw new Error(`${other} and ${module} both tell of ${type}.`);
      all.set(type, { module, meaning });
    }
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The page of events as it should be: what stands above its table, and a row for each type. */
export function eventDocs(page: string, catalogue: Awaited<ReturnType<typeof eventCatalogue>>): string {
  const above = page.slice(0, page.indexOf(HEAD));
  const rows = [...catalogue].map(([type, { module, meaning }]) => `| \`${type}\` | ${module} | ${meaning} |\n`);
  return above + HEAD + rows.join('');
}

/** The page as it is. */
export function eventPage(): string {
  return readFileSync(PAGE, 'utf8');
}

// npm run docs
if (import.meta.main) writeFileSync(PAGE, eventDocs(eventPage(), await eventCatalogue()));
