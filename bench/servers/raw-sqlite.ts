import { DatabaseSync } from 'node:sqlite';
import { answerCalls } from '../lib/calls.ts';
import { newSessions, type RawSession, rotationValues, sessionValues, statements } from './rotation.ts';

/** Rotations between two looks at the clock. */
const BATCH = 20;

const bindable = (value: string | number | boolean | null) => (typeof value === 'boolean' ? Number(value) : value);

let round: (seconds: number) => number;

/** Rotations by hand on `node:sqlite`, as durable as the server's. */
answerCalls({
  prepare({ url, clients }: { url: string; clients: number }): void {
    // The server beside it writes now and then, too.
    const options = { enableForeignKeyConstraints: true, timeout: 5_000 };
    const database = new DatabaseSync(url.slice('sqlite:'.length), options);
    database.exec('pragma journal_mode = wal; pragma synchronous = full');
    const text = statements(() => '?');
    const createSession = database.prepare(text.createSession);
    const rotate = database.prepare(text.rotate);
    const addEvent = database.prepare(text.addEvent);
    const begin = database.prepare('begin immediate');
    const commit = database.prepare('commit');
    const sessions = newSessions(clients);
    for (const session of sessions) createSession.run(...sessionValues(session).map(bindable));

    function once(session: RawSession) {
      const values = rotationValues(session);
      begin.run();
      if (rotate.run(...values.rotate.map(bindable)).changes !== 1) throw new Error('the rotation did not win');
      addEvent.run(...values.addEvent.map(bindable));
      commit.run();
    }
    round = (seconds) => {
      const started = performance.now();
      let count = 0;
      while (performance.now() - started < seconds * 1000) {
        for (let index = 0; index < BATCH; index++) {
          const session = sessions[count++ % sessions.length];
          if (session) once(session);
        }
      }
      return count / ((performance.now() - started) / 1000);
    };
  },
  round: ({ seconds }: { seconds: number }) => round(seconds),
});
