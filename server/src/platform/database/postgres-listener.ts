import pg from 'pg';
import type { ChangeSource } from './change-watch.ts';

/** Milliseconds for an answer on a connection that does nothing else. */
const ANSWER_LIMIT = 1_000;

/**
 * Listens by connections of their own, which `end` closes. PostgreSQL tells a session of a commit before it answers any later question of that
 * session ("Asynchronous Notification" in NOTIFY's manual): so an answer shows that everything before the question was told.
 */
export function createPostgresListeners(config: pg.ClientConfig): {
  source: ChangeSource;
  end(): Promise<void>;
} {
  const clients = new Set<pg.Client>();
  let isOver = false;

  async function end(client: pg.Client): Promise<void> {
    clients.delete(client);
    await client.end().catch(() => undefined);
  }

  return {
    source: {
      kind: 'channel',
      async listen(channel, { onMessage, onLost }) {
        if (isOver) throw new Error('The database was closed.');
        const client = new pg.Client({ ...config, query_timeout: ANSWER_LIMIT });
        clients.add(client);
        let isTold = false;
        const lose = () => {
          if (isTold) return;
          isTold = true;
          void end(client);
          onLost();
        };
        client.on('error', () => {});
        try {
          await client.connect();
          client.on('notification', ({ payload = '' }) => onMessage(payload));
          await client.query(`listen ${client.escapeIdentifier(channel)}`);
        } catch (error) {
          isTold = true;
          await end(client);
          throw error;
        }
        client.on('error', lose);
        client.on('end', lose);
        return {
          beat: async () => void (await client.query({ name: 'beat', text: 'select 1' })),
          close() {
            isTold = true;
            void end(client);
          },
        };
      },
    },
    async end() {
      isOver = true;
      await Promise.all([...clients].map(end));
    },
  };
}
