import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SECOND } from '../clock.ts';
import { closeLostConnections } from './lost-connections.ts';
import { isReady, type Order } from './messages.ts';

/** Milliseconds. A worker that lived this long did not fail because of its start. */
const LONG_LIFE = 10 * SECOND;
/** Milliseconds before the second replacement in a row, doubled for each further one. */
const FIRST_PAUSE = SECOND / 4;
const LONGEST_PAUSE = 30 * SECOND;

export interface Workers {
  /** Starts one worker, then the others. False if the first one ended before it was ready; it has logged why. */
  start(): Promise<boolean>;
  /**
   * Replaces the workers one after the other, each when its successor is ready. Ends early, and keeps the serving ones, if a
   * new one does not start. If called again meanwhile, it runs once more afterwards.
   */
  roll(): Promise<void>;
  /** Stops all workers, and replaces none any more. False if one of them ended with an error. */
  stop(): Promise<boolean>;
}

interface Ending {
  code: number | null;
  signal: string | null;
  err?: unknown;
}

interface Member {
  worker: Worker | null;
  born: number;
  /** False: it ended before it was ready. */
  ready: Promise<boolean>;
  ended: Promise<Ending>;
  over: boolean;
  /** It was told to stop. */
  leaving: boolean;
}

/**
 * Keeps `count` processes of `program` running, which share their ports through this one (`node:cluster`, round robin). A worker that ends
 * unexpectedly is replaced at once, and after a growing pause if that repeats. `stopLimit`: milliseconds after
 * which a worker that was told to stop is killed. `onReady` gets the setup link of each worker that is ready.
 */
export function keepWorkers(options: {
  count: number;
  program: { exec: string; args: string[] };
  stopLimit: number;
  log: Logger;
  onReady(setupLink: string | null): void;
}): Workers {
  const { count, program, stopLimit, log, onReady } = options;
  const members = new Set<Member>();
  const stopped = new AbortController();
  const isStopping = () => stopped.signal.aborted;
  let isStarted = false;
  /** Number of workers in a row that ended soon. */
  let failures = 0;
  let rolling: Promise<void> | null = null;
  let isRollAsked = false;

  cluster.setupPrimary(program);

  function launch(): Member {
    const ready = Promise.withResolvers<boolean>();
    const ended = Promise.withResolvers<Ending>();
    const promises = { ready: ready.promise, ended: ended.promise };
    const member: Member = { worker: null, born: performance.now(), ...promises, over: false, leaving: false };
    members.add(member);

    const end = (ending: Ending) => {
      if (member.over) return;
      member.over = true;
      members.delete(member);
      ready.resolve(false);
      ended.resolve(ending);
      onEnd(member, ending);
    };
    try {
      const worker = cluster.fork();
      member.worker = worker;
      closeLostConnections(worker);
      worker.on('message', (message) => {
        if (!isReady(message)) return;
        onReady(message.setupLink);
        ready.resolve(true);
      });
      worker.on('exit', (code, signal) => end({ code, signal }));
      // No 'exit' follows if there never was a process.
      worker.on('error', (err) => worker.process.pid === undefined && end({ code: null, signal: null, err }));
    } catch (err) {
      setImmediate(end, { code: null, signal: null, err });
    }
    return member;
  }

  function onEnd({ worker, born, leaving }: Member, ending: Ending): void {
    const fields = { worker: worker?.process.pid, ...ending };
    if (leaving && ending.code === 0) return;
    log.error(fields, leaving ? 'a worker ended with an error' : 'a worker ended unexpectedly');
    // Until the first one is ready, `start` reports the failure.
    if (isStarted && !leaving) replace(performance.now() - born);
  }

  function replace(lived: number): void {
    if (lived >= LONG_LIFE) failures = 0;
    const pause = failures === 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
    failures += 1;
    if (pause > 0)
      log.warn({ failures, pause }, `workers end soon after their start: the next one starts in ${pause} ms`);
    sleep(pause, undefined, { signal: stopped.signal }).then(fillUp, () => {});
  }

  function fillUp(): void {
    const staying = [...members].filter(({ leaving }) => !leaving);
    if (staying.length < count && !isStopping()) launch();
  }

  async function end(member: Member, order: Order): Promise<Ending> {
    const { worker, ended } = member;
    member.leaving = true;
    // A worker that has already ended needs no order.
    worker?.send(order, () => {});
    const timer = setTimeout(() => {
      log.error({ worker: worker?.process.pid }, `a worker has not ended within ${stopLimit} ms and is killed`);
      worker?.process.kill('SIGKILL');
    }, stopLimit);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async function rollOnce(): Promise<void> {
    log.info('rolling restart: replacing the workers one by one');
    for (const old of [...members]) {
      if (old.over || old.leaving) continue;
      const successor = launch();
      const isReady = await successor.ready;
      if (isStopping()) return;
      if (!isReady)
        return log.error('rolling restart aborted: a new worker does not start, and the present ones continue');
      // If it has died meanwhile, the new worker was its replacement.
      if (!old.over) await end(old, 'retire');
    }
    log.info('rolling restart: done');
  }

  return {
    async start() {
      isStarted = await launch().ready;
      if (isStarted) for (let missing = count - members.size; missing > 0; missing -= 1) fillUp();
      return isStarted || isStopping();
    },
    roll() {
      isRollAsked = true;
      rolling ??= (async () => {
        while (isRollAsked && !isStopping()) {
          isRollAsked = false;
          await rollOnce();
        }
        rolling = null;
      })();
      return rolling;
    },
    async stop() {
      stopped.abort();
      const endings = await Promise.all([...members].map((member) => end(member, 'stop')));
      return endings.every(({ code }) => code === 0);
    },
  };
}
