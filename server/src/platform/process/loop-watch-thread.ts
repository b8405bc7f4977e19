import { writeSync } from 'node:fs';
import { type Debugger, Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { SECOND } from '../clock.ts';
import { toText } from '../telemetry/log-text.ts';
import { SHARED, type Stall } from './loop-watch.ts';
import { createStallDetector } from './stall-detector.ts';

/** The thread of `loop-watch.ts`. */

const LIMIT = 1 * SECOND;
const LIMIT_OF_START = 10 * SECOND;
/** A stall of this length may never end, so it is told while it lasts. */
const LONG = 3 * SECOND;
const LOOK_EVERY = 250;
const MOST_CALLS = 12;
const STDOUT = 1;

const { shared, format } = workerData as { shared: Int32Array; format: 'json' | 'text' };
const detector = createStallDetector();
let calls: string[] = [];
let isTold = false;

setInterval(() => {
  const limit = Atomics.load(shared, SHARED.isServing) === 1 ? LIMIT : LIMIT_OF_START;
  const { state, lasted } = detector.look(Atomics.load(shared, SHARED.beats), performance.now(), limit);
  if (state === 'began') askForCalls();
  if (state === 'stalls' && lasted >= LONG && !isTold) tellNow(lasted);
  if (state !== 'ended') return;
  parentPort?.postMessage({ lasted, calls } satisfies Stall);
  [calls, isTold] = [[], false];
}, LOOK_EVERY);

/** Asks the main thread where it is: it is interrupted for a moment, also in a loop without an end. */
function askForCalls(): void {
  const files = new Map<string, string>();
  try {
    const session = new Session();
    session.connectToMainThread();
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      calls = params.callFrames.slice(0, MOST_CALLS).map((frame) => described(frame, files));
      session.post('Debugger.resume');
      session.post('Debugger.disable');
      setImmediate(() => session.disconnect());
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  } catch {
    // Another debugger is attached, say: the stall is told without its calls.
  }
}

function described({ functionName, location }: Debugger.CallFrame, files: ReadonlyMap<string, string>): string {
  const file = files.get(location.scriptId)?.replace(/^.*\/(node_modules|server)\//, '$1/') ?? '';
  return `${functionName || '(anonymous)'} ${file}:${location.lineNumber + 1}`;
}

/** Past the log of the main thread, which cannot write now. */
function tellNow(lasted: number): void {
  isTold = true;
  const head = { level: 'error', time: new Date().toISOString(), pid: process.pid };
  const line = `${JSON.stringify({ ...head, lasted: Math.round(lasted), calls, msg: 'the event loop stands still' })}\n`;
  try {
    writeSync(STDOUT, format === 'text' ? toText(line) : line);
  } catch {
    // Nobody reads the log.
  }
}
