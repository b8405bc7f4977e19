import autocannon from 'autocannon';
import { answerCalls } from '../lib/calls.ts';

/** Requests under way at a time: enough to keep one core busy, few enough that none waits long. */
const CONNECTIONS = 32;
const LOOK_EVERY = 50;

export interface RequestsRound {
  url: string;
  headers: Record<string, string>;
  seconds: number;
}

/** Several servers at once, the connections dealt out among them; the generator shares their cores. */
export interface SharedRound extends Omit<RequestsRound, 'url'> {
  urls: string[];
}

export interface RequestsResult {
  requests: number;
  /** Seconds that it took. */
  duration: number;
}

answerCalls({
  /** Asks for one URL again and again. Throws if something else than 2xx was answered. */
  async round(round: RequestsRound): Promise<RequestsResult> {
    const stayAwake = keepAwake();
    const result = await askRepeatedly(round, CONNECTIONS);
    stayAwake.end();
    return result;
  },

  /** The same of all at a time. */
  async sharedRound({ urls, ...round }: SharedRound): Promise<RequestsResult> {
    const results = await Promise.all(urls.map((url) => askRepeatedly({ ...round, url }, CONNECTIONS / urls.length)));
    return {
      requests: results.reduce((sum, { requests }) => sum + requests, 0),
      duration: Math.max(...results.map(({ duration }) => duration)),
    };
  },
});

async function askRepeatedly({ url, headers, seconds }: RequestsRound, connections: number): Promise<RequestsResult> {
  const result = await autocannon({ connections, sampleInt: LOOK_EVERY, url, headers, duration: seconds });
  const { errors, timeouts, non2xx, requests, duration } = result;
  if (errors + timeouts + non2xx > 0) {
    throw new Error(`${url}: ${errors} errors, ${timeouts} timeouts, ${non2xx} answers other than 2xx`);
  }
  return { requests: requests.total, duration };
}

/**
 * Keeps this process from ever sleeping: to wake it, the server would pay for an interrupt of the other core, which is dear in
 * a virtual machine, and the slower server would pay more often.
 */
function keepAwake(): { end(): void } {
  let awake = true;
  const spin = () => {
    if (awake) setImmediate(spin);
  };
  spin();
  return {
    end() {
      awake = false;
    },
  };
}
