import { readFileSync, writeFileSync } from 'node:fs';
import { clientMessage, serverMessage } from '../src/modules/realtime/messages.ts';

const FILE = new URL('../../docs/realtime.schema.json', import.meta.url);

/** The schema of all messages of the WebSocket (JSON Schema 2020-12), as `docs/realtime.schema.json` has it. */
export function realtimeSchema(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of the WebSocket /api/v1/ws',
    $defs: { clientMessage, serverMessage },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The file as it is. */
export function realtimeFile(): string {
  return readFileSync(FILE, 'utf8');
}

// npm run docs
if (import.meta.main) writeFileSync(FILE, realtimeSchema());
