import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { codeOf, type FuzzAnswer, faultsOf } from './invariants.ts';
import { readAnswers } from './raw-answers.ts';
import { makeRaw, type RawMessage } from './raw-messages.ts';
import { ANSWER_LIMIT, count, type Tally } from './run.ts';
import type { LiveWorld } from './world.ts';

const AT_ONCE = 32;
const ROUND = 320;
/** Milliseconds without a further byte after which a connection that is kept open is taken to have said all. */
const QUIET = 50;

/** Sends the messages `0 … messages` of a seed over sockets; throws at the first answer that is wrong. */
export async function runRaw(
  port: number,
  world: LiveWorld,
  { seed, messages, tally }: { seed: number; messages: number; tally: Tally },
): Promise<void> {
  for (let round = 0; round < messages; round += ROUND) {
    let next = round;
    const end = Math.min(messages, round + ROUND);
    const work = async () => {
      while (next < end) {
        const message = makeRaw(seed, next++, world);
        const answers = await exchange(port, message, seed);
        const faults = [...new Set(judge(message, answers))];
        assert.deepEqual(faults, [], `${faults.join('; ')}\n${describe(message, seed)}\n${JSON.stringify(answers)}`);
        const [first] = answers;
        count(
          tally,
          first === undefined ? 'closed without an answer' : `${first.status} ${codeOf(first.body)}`.trim(),
          null,
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await world.renew();
  }
}

/** A CONNECT Node cuts without asking anybody; far too many requests the server does, where it is too busy to answer each as it is read. */
const MAY_BE_CUT = new Set(['a CONNECT', 'many requests at once']);

function judge({ method, mustFail, about }: RawMessage, answers: FuzzAnswer[]): string[] {
  if (answers.length === 0) return method === 'CONNECT' || MAY_BE_CUT.has(about) ? [] : ['cut without an answer'];
  if (mustFail !== null && answers.length > 1) return ['what follows a refused message was read as another request'];
  return answers.flatMap((answer, index) => {
    const isHead = index === 0 && method === 'HEAD' && answer.body === '';
    return faultsOf(answer, { method: isHead ? 'HEAD' : 'GET', mustFail: index === 0 ? mustFail : null });
  });
}

/** What comes back until the server closes the connection, or has said all. */
async function exchange(port: number, message: RawMessage, seed: number): Promise<FuzzAnswer[]> {
  const socket = connect(port, '127.0.0.1');
  let received: Buffer = Buffer.alloc(0);
  let closed = false;
  const all = Promise.withResolvers<void>();
  let timer = setTimeout(() => all.reject(new Error(`No answer.\n${describe(message, seed)}`)), ANSWER_LIMIT);
  const said = () => readAnswers(received, message.method, closed);
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    if (!said()?.length) return;
    clearTimeout(timer);
    timer = setTimeout(() => all.resolve(), QUIET);
  });
  // A server that has refused a message may reset the connection while the rest of it is still being sent.
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    all.resolve();
  });
  try {
    await once(socket, 'connect');
    socket.write(message.bytes);
    await all.promise;
    const answers = said();
    if (answers === null)
      throw new Error(
        `An answer that breaks off: ${received.toString('latin1').slice(0, 500)}\n${describe(message, seed)}`,
      );
    return answers;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

const SHOWN = 40_000;

function describe({ index, about, bytes, mustFail }: RawMessage, seed: number): string {
  return `Message ${index} of seed ${seed}: ${about}; must fail: ${mustFail}\nBytes (base64): ${bytes.subarray(0, SHOWN).toString('base64')}`;
}
