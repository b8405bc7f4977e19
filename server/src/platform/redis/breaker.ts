import { Cluster } from 'ioredis';
import { SECOND } from '../clock.ts';
import type { RedisClient } from './connect.ts';

/** Milliseconds after which an answer is late, if this process was idle for so many of them: else it was too busy to see it. */
const LATE = 200;
const IDLE = 100;
/** Late answers that open the breaker, and how much of one each prompt answer makes up for. */
const FEW = 3;
const RELIEF = 0.25;
const ASK_AGAIN = 1 * SECOND;

export interface Breaker {
  /** False while commands fail at once. */
  isClosed(): boolean;
  end(): void;
}

/**
 * Makes the commands of a connection fail at once after a few late answers, until Redis is prompt again: a request sends several
 * commands one after the other, and would pay for each. Meanwhile Redis is asked once a second, by no request (decision 40). What is
 * late at the same time counts once, so that one hiccup under many requests opens nothing. The nodes of a cluster share one breaker, as
 * a silent one does not break the connections to the others.
 */
export function withBreaker(
  redis: RedisClient,
  { onLate, onPrompt }: { onLate: (error: Error) => void; onPrompt: () => void },
): Breaker {
  const send = redis.sendCommand.bind(redis);
  let late = 0;
  let lastLate = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  let timer: NodeJS.Timeout | undefined;

  function count(began: number, idleBefore: number): void {
    if (isOpen) return;
    const now = performance.now();
    if (now - began < LATE) {
      late = Math.max(0, late - RELIEF);
      return;
    }
    if (began < lastLate || performance.eventLoopUtilization().idle - idleBefore < IDLE) return;
    lastLate = now;
    late += 1;
    if (late >= FEW) open();
  }

  function open(): void {
    isOpen = true;
    onLate(new Error(`Redis answered ${FEW} times after more than ${LATE} ms.`));
    timer = setTimeout(askAgain, ASK_AGAIN).unref();
  }

  function askAgain(): void {
    isPrompt(redis).then((prompt) => {
      if (!isOpen) return;
      if (!prompt) {
        timer = setTimeout(askAgain, ASK_AGAIN).unref();
        return;
      }
      [isOpen, late] = [false, 0];
      onPrompt();
    });
  }

  async function isPrompt(client: RedisClient): Promise<boolean> {
    const began = performance.now();
    try {
      if (client instanceof Cluster) await Promise.all(client.nodes('master').map((node) => node.ping()));
      else await pinging(() => client.ping());
      return performance.now() - began < LATE;
    } catch {
      return false;
    }
  }

  let isPinging = false;
  /** Sends a command past the open breaker. */
  function pinging<T>(command: () => Promise<T>): Promise<T> {
    isPinging = true;
    const answer = command();
    isPinging = false;
    return answer;
  }

  redis.sendCommand = (...[command, ...rest]: Parameters<typeof send>) => {
    // What makes a connection ready passes: an open breaker must not keep it from coming back.
    if (redis.status !== 'ready' || isPinging) return send(command, ...rest);
    if (isOpen) {
      command.reject(new Error('Redis answered late just now.'));
      return command.promise;
    }
    const began = performance.now();
    const { idle } = performance.eventLoopUtilization();
    const counted = () => count(began, idle);
    command.promise.then(counted, counted);
    return send(command, ...rest);
  };

  return {
    isClosed: () => !isOpen,
    end: () => clearTimeout(timer),
  };
}
