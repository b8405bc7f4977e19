import { type Static, Type } from 'typebox';

/** Topics that one connection may follow. */
export const MOST_TOPICS = 50;

const topicName = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'The name of a topic, its parameter filled in: `events`, `user:0195a1b2-…`.',
});
const seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const stream = Type.String({ maxLength: 40, description: 'Whose numbers `seq` are: each process has its own.' });
const topics = Type.Array(topicName, { minItems: 1, maxItems: MOST_TOPICS });

/** What a client may send: one of these members and its fields, nothing else. */
export const clientMessage = Type.Union([
  Type.Object(
    { authenticate: Type.String({ maxLength: 8192, description: 'An access token; again before it runs out.' }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      subscribe: topics,
      since: Type.Optional(
        Type.Record(topicName, seq, {
          description: 'The last `seq` of topics that were followed before.',
          maxProperties: MOST_TOPICS,
        }),
      ),
      stream: Type.Optional(stream),
    },
    { additionalProperties: false },
  ),
  Type.Object({ unsubscribe: topics }, { additionalProperties: false }),
]);
export type ClientMessage = Static<typeof clientMessage>;

/** That something happened; what it is now, the REST API says. */
export const hint = Type.Object(
  {
    topic: topicName,
    seq: Type.Integer({ minimum: 1, description: 'Grows by one with each hint of the topic.' }),
    kind: Type.String({ description: 'The type of the event, or of the change: `user.updated`, `progress`.' }),
    target: Type.String({ description: 'The record that changed: `user:0195a1b2-…`.' }),
    version: Type.Union([Type.Integer(), Type.Null()], { description: 'The version that the record has since.' }),
    at: Type.String({ format: 'date-time' }),
    progress: Type.Optional(Type.Number({ description: 'Percent done, of a job.' })),
  },
  { additionalProperties: false },
);
export type Hint = Static<typeof hint>;

/** What the server sends. */
export const serverMessage = Type.Union([
  Type.Object(
    {
      ready: Type.Object({
        stream,
        expiresAt: Type.String({
          format: 'date-time',
          description: 'When the token runs out, and with it the connection.',
        }),
      }),
    },
    { additionalProperties: false },
  ),
  Type.Object({ subscribed: topicName, seq }, { additionalProperties: false }),
  Type.Object({ unsubscribed: topicName }, { additionalProperties: false }),
  Type.Object(
    {
      refused: topicName,
      code: Type.String({ description: 'As of the route that the topic stands for: `forbidden`, `not_found`.' }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      resync: topicName,
      seq: Type.Integer({ minimum: 0, description: 'Hints up to this one may be missing: read anew.' }),
    },
    { additionalProperties: false },
  ),
  hint,
]);
export type ServerMessage = Static<typeof serverMessage>;
