import { createHttpClient, type HttpClient, type Reply } from './http-client.ts';

export interface Witnessed {
  what: string;
  status: number;
  code: string | null;
  /** Milliseconds. */
  took: number;
  /** When it was answered, as `performance.now` has it. */
  at: number;
}

export interface Witness {
  answers: Witnessed[];
  /** Requests that were not answered at all. */
  unanswered: string[];
  /** Asks once and remembers what came; null where nothing did. */
  ask(http: HttpClient, what: string, options?: { body?: unknown; token?: string }): Promise<Reply | null>;
  /** Repeats `work` with a connection of its own until `stop` says so. */
  repeat(stop: AbortSignal, work: (http: HttpClient, turn: number) => Promise<unknown>): Promise<void>;
}

/** Remembers every answer of a server, and how long it took. */
export function createWitness(port: number): Witness {
  const answers: Witnessed[] = [];
  const unanswered: string[] = [];
  return {
    answers,
    unanswered,
    async ask(http, what, options) {
      const [method = '', path = ''] = what.split(' ');
      const started = performance.now();
      try {
        const reply = await http.send(method, path, options);
        const at = performance.now();
        const { code = null } = reply.body as { code?: string };
        answers.push({ what, status: reply.status, code, took: at - started, at });
        return reply;
      } catch (error) {
        unanswered.push(`${what}: ${error}`);
        return null;
      }
    },
    async repeat(stop, work) {
      const http = createHttpClient(port);
      for (let turn = 0; !stop.aborted; turn++) await work(http, turn);
      http.close();
    },
  };
}
