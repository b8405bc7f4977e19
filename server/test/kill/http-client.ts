import { Agent, request } from 'node:http';
import { FIREFOX } from '../client.ts';

export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

export interface HttpClient {
  /** Rejects with what the connection met: a server that is gone, or that breaks off. */
  send(
    method: string,
    path: string,
    options?: { body?: unknown; token?: string; headers?: Record<string, string> },
  ): Promise<Reply>;
  close(): void;
}

/** Milliseconds that an answer may take, on a machine that is busy with other tests. */
const ANSWER_LIMIT = 30_000;

/** A client with connections of its own, which it keeps open, as browsers do. */
export function createHttpClient(port: number, { connections = 1 }: { connections?: number } = {}): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send(method, path, { body, token, headers: more } = {}) {
      const text = body === undefined ? null : JSON.stringify(body);
      const headers = {
        'user-agent': FIREFOX,
        ...(text !== null && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...more,
      };
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      const call = request({ agent, host: '127.0.0.1', port, method, path: `/api/v1${path}`, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const said = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: said === '' ? {} : JSON.parse(said) });
        });
      });
      call.setTimeout(ANSWER_LIMIT, () => call.destroy(new Error('no answer')));
      call.on('error', reject);
      call.end(text);
      return promise;
    },
    close: () => agent.destroy(),
  };
}

/** Whether nobody listens there, so that the request was never taken. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
