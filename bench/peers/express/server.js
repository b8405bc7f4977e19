import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import bcrypt from 'bcrypt';
import express from 'express';
import jwt from 'jsonwebtoken';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { answerCalls } from '../../lib/calls.ts';

/** The cost that the documentation of bcrypt shows, and the least that OWASP names. */
const COST = 10;
const LIFETIME = '15m';

/** What people write by themselves with these packages: no limits, no log, no sessions, the user read from the database at each request. */
function createApp(database, sign, secret) {
  const byId = database.prepare('select id, email, name from users where id = ?');
  const byEmail = database.prepare('select id, password_hash from users where email = ?');
  const jwtOptions = { jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: secret };
  passport.use(new Strategy(jwtOptions, ({ sub }, done) => done(null, byId.get(sub) ?? false)));

  const app = express();
  app.use(express.json());
  app.get('/me', passport.authenticate('jwt', { session: false }), (request, response) => response.json(request.user));
  app.post('/login', async (request, response) => {
    const { email, password } = request.body;
    const user = byEmail.get(email);
    if (!user || !(await bcrypt.compare(password, user.password_hash))) return response.sendStatus(401);
    response.json({ accessToken: sign(user.id) });
  });
  return app;
}

answerCalls({
  /** Listens, with one account for each address, and answers how the first of them asks who it is, and how all sign in. */
  async listen({ emails, password }) {
    const database = new DatabaseSync('express.sqlite');
    database.exec('pragma journal_mode = wal');
    database.exec(
      'create table users (id text primary key, email text not null unique, name text not null, password_hash text not null)',
    );
    const insert = database.prepare('insert into users (id, email, name, password_hash) values (?, ?, ?, ?)');
    const passwordHash = await bcrypt.hash(password, COST);
    const ids = emails.map(() => randomUUID());
    for (const [index, email] of emails.entries()) insert.run(ids[index], email, 'Person', passwordHash);

    const secret = randomBytes(32);
    const sign = (sub) => jwt.sign({ sub }, secret, { expiresIn: LIFETIME });
    const server = createApp(database, sign, secret).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${server.address().port}`,
      me: { path: '/me', headers: { authorization: `Bearer ${sign(ids[0])}` } },
      signIn: { path: '/login', headers: {}, bodies: emails.map((email) => ({ email, password })) },
    };
  },
});
