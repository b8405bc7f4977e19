import pg from 'pg';
import { answerCalls } from '../lib/calls.ts';
import { newSessions, type RawSession, rotationValues, sessionValues, statements } from './rotation.ts';

/** As many as the server's own pool has by default. */
const CONNECTIONS = 10;

let round: (seconds: number) => Promise<number>;

/** Rotations by hand on `pg`, with named statements and as many connections as the server. */
answerCalls({
  async prepare({ url, clients }: { url: string; clients: number }): Promise<void> {
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    const text = statements((index) => `$${index}`);
    const sessions = newSessions(clients);
    for (const session of sessions) await pool.query(text.createSession, sessionValues(session));

    async function once(session: RawSession) {
      const values = rotationValues(session);
      const connection = await pool.connect();
      try {
        await connection.query('begin');
        const { rowCount } = await connection.query({ name: 'rotate', text: text.rotate, values: values.rotate });
        if (rowCount !== 1) throw new Error('the rotation did not win');
        await connection.query({ name: 'event', text: text.addEvent, values: values.addEvent });
        await connection.query('commit');
      } finally {
        connection.release();
      }
    }
    round = async (seconds) => {
      const started = performance.now();
      const until = started + seconds * 1000;
      let count = 0;
      const rotateRepeatedly = async (session: RawSession) => {
        while (performance.now() < until) {
          await once(session);
          count++;
        }
      };
      await Promise.all(sessions.map(rotateRepeatedly));
      return count / ((performance.now() - started) / 1000);
    };
  },
  round: ({ seconds }: { seconds: number }) => round(seconds),
});
