import { createRandom } from '../../server/test/fuzz/random.ts';
import { answerCalls } from '../lib/calls.ts';
import { createHttpClient } from '../lib/http.ts';
import { openMailSink } from '../lib/mail-sink.ts';
import { ENDPOINTS, SIDES, type TimingResult, type TimingWorld, type World } from './timing-endpoints.ts';

/** Answers of each side that do not count. */
const WARM_UP = 20;

let world: World;

answerCalls({
  /** Opens the mail server; answers its `SMTP_URL`. */
  open: async () => (await openMailSink()).url,

  async prepare(options: TimingWorld): Promise<void> {
    const send = createHttpClient(options.url);
    const registrations = { known: [], unknown: [] };
    world = { ...options, send, registrations, registeredAt: 0, refreshToken: '', flowToken: '' };
  },

  /** Asks about both sides in turn, the first of each pair by chance. Throws where the two are not answered alike. */
  async round(name: string): Promise<TimingResult> {
    const endpoint = ENDPOINTS[name];
    if (!endpoint) throw new TypeError(`there is no ${name}`);
    await endpoint.prepare?.(world);
    const random = createRandom(1, name.length);
    const times: TimingResult = { known: [], unknown: [] };
    const answers = new Set<string>();
    for (let index = 1; index <= WARM_UP + world.samples; index++) {
      for (const side of random.chance(0.5) ? SIDES : SIDES.toReversed()) {
        const { status, took, text } = await endpoint.ask(world, side, index);
        const { code = null } = JSON.parse(text) as { code?: string };
        answers.add(`${status} ${code}`);
        if (index > WARM_UP) times[side].push(took);
      }
    }
    if (name === 'register') world.registeredAt = performance.now();
    if (answers.size > 1) throw new Error(`${name}: ${[...answers].join(' and ')}`);
    return times;
  },
});
