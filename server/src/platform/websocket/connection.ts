import type { RawData, WebSocket } from 'ws';
import { SECOND } from '../clock.ts';

/** Why we end a connection: RFC 6455, 7.4, and 4000 to 4999 for ours. */
export const CLOSE = {
  goingAway: [1001, 'The server stops. Connect again.'],
  notText: [1003, 'Messages are text.'],
  tryLater: [1013, 'Try again in a second.'],
  malformed: [4400, 'A message is malformed.'],
  unauthenticated: [4401, 'The token is missing, has run out, or its session is over.'],
  signedOut: [4403, 'The session is over.'],
  tooMany: [4429, 'Too many connections or messages.'],
} as const satisfies Record<string, readonly [number, string]>;

export type CloseReason = keyof typeof CLOSE;

/** Characters that may wait for a client to read; beyond, it is told to ask again instead. */
const MOST_WAITING = 262_144;
/** How long it may read nothing of what waits. */
const PATIENCE = 15 * SECOND;
export const PING_EVERY = 25 * SECOND;
/** A token bucket: messages at once, and one more each … milliseconds. */
const MESSAGES = 30;
const MESSAGE_EVERY = SECOND / 5;
/** How long a client may take to close in its turn. */
const CLOSE_WITHIN = 5 * SECOND;

/** One client's WebSocket, with bounds on what it may send, and on what may wait for it. */
export interface Connection {
  /** False if so much waits that this was not sent. */
  send(message: object): boolean;
  /** The same for a message that is JSON already. */
  sendText(text: string): boolean;
  /** Nothing waits any more. */
  isDrained(): boolean;
  close(reason: CloseReason): void;
  /** Pings, and cuts off who has not answered the last ping or does not read. Once every `PING_EVERY`. */
  beat(): void;
}

/** `onMessage` gets what was parsed; `onClose` is called once, whoever closes. */
export function createConnection(
  socket: WebSocket,
  { onMessage, onClose }: { onMessage: (message: unknown) => void; onClose: (code: number) => void },
): Connection {
  let isAlive = true;
  let isClosing = false;
  let credit = MESSAGES;
  let creditAt = performance.now();
  let stuckSince: number | null = null;

  function close(reason: CloseReason): void {
    if (isClosing) return;
    isClosing = true;
    const [code, text] = CLOSE[reason];
    socket.close(code, text);
    setTimeout(() => socket.terminate(), CLOSE_WITHIN).unref();
  }

  function isFlood(): boolean {
    const now = performance.now();
    credit = Math.min(MESSAGES, credit + (now - creditAt) / MESSAGE_EVERY) - 1;
    creditAt = now;
    return credit < 0;
  }

  function receive(data: RawData, isBinary: boolean): void {
    if (isClosing) return;
    const fault = isBinary ? 'notText' : isFlood() ? 'tooMany' : null;
    if (fault !== null) {
      close(fault);
      return;
    }
    let message: unknown;
    try {
      message = JSON.parse(String(data));
    } catch {
      close('malformed');
      return;
    }
    onMessage(message);
  }

  socket.on('message', receive);
  socket.on('pong', () => {
    isAlive = true;
  });
  // Pings are answered by the library, and cost as much as messages.
  socket.on('ping', () => {
    if (isFlood()) close('tooMany');
  });
  // A malformed frame; the library closes with the code of RFC 6455.
  socket.on('error', () => {
    isClosing = true;
  });
  socket.once('close', (code) => {
    isClosing = true;
    onClose(code);
  });

  function sendText(text: string): boolean {
    if (isClosing) return true;
    if (socket.bufferedAmount > MOST_WAITING) {
      stuckSince ??= performance.now();
      return false;
    }
    stuckSince = null;
    socket.send(text);
    return true;
  }

  return {
    send: (message) => sendText(JSON.stringify(message)),
    sendText,
    isDrained: () => socket.bufferedAmount === 0,
    close,
    beat() {
      if (!isAlive || (stuckSince !== null && performance.now() - stuckSince > PATIENCE)) {
        socket.terminate();
        return;
      }
      isAlive = false;
      if (socket.readyState === socket.OPEN) socket.ping();
    },
  };
}
