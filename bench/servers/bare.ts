import Fastify from 'fastify';
import { userSchema } from '../../server/src/modules/users/schemas.ts';
import { answerCalls } from '../lib/calls.ts';
import { CONSTANT, constantSchema, GUARDED_PATH, ME_PATH } from './constant.ts';

/** Fastify as it comes, without a log, answering the same bytes by the same schemas: no guard, no headers, no limits, no read. */
answerCalls({
  async listen({ me }: { me: unknown }) {
    const app = Fastify();
    app.get(GUARDED_PATH, { schema: { response: { 200: constantSchema } } }, async () => CONSTANT);
    app.get(ME_PATH, { schema: { response: { 200: userSchema } } }, async () => me);
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
});
