import type { Counts } from '../modules/imports/counts.ts';

const WIDTH = 30;
/** Milliseconds between two drawings on a terminal, and between two lines elsewhere. */
const REDRAW = 200;
const NEXT_LINE = 10_000;

export interface ProgressBar {
  /** `part`: how much is done, from 0 to 1; null: unknown. */
  show(part: number | null, counts: Pick<Counts, 'read' | 'made'>): void;
  end(): void;
}

/** Draws how far a long work is; where it is not read at a terminal, a line now and then. `now` in milliseconds. */
export function createProgressBar(deps: {
  out: { isTTY?: boolean; write(text: string): unknown };
  now: () => number;
}): ProgressBar {
  const { out, now } = deps;
  const begun = now();
  let last = out.isTTY ? Number.NEGATIVE_INFINITY : begun;
  let isDrawn = false;
  let before: number | null = null;

  return {
    show(part, { read, made }) {
      // What an earlier run did says nothing of the pace of this one.
      before ??= read;
      const time = now();
      if (time - last < (out.isTTY ? REDRAW : NEXT_LINE)) return;
      last = time;
      const pace = Math.round(((read - before) * 1000) / Math.max(1, time - begun));
      const figures = `${read.toLocaleString('en-US')} read, ${made.toLocaleString('en-US')} made, ${pace.toLocaleString('en-US')}/s`;
      const filled = Math.round((part ?? 0) * WIDTH);
      const bar = `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor((part ?? 0) * 100)} %`;
      out.write(
        out.isTTY
          ? `\r\u001b[2K${part === null ? '' : `${bar}  `}${figures}`
          : `${part === null ? '' : `${Math.floor(part * 100)} %, `}${figures}\n`,
      );
      isDrawn = out.isTTY === true;
    },
    end() {
      if (isDrawn) out.write('\n');
      isDrawn = false;
    },
  };
}
