import { readdirSync, readFileSync } from 'node:fs';

/**
 * Seconds of processor time that a process has used so far, all its threads together; null where there is no /proc. A thread
 * that ended takes its share with it.
 */
export function cpuSeconds(pid: number): number | null {
  const folder = `/proc/${pid}/task`;
  try {
    // The first number of `schedstat` is in nanoseconds; `stat` counts in hundredths of a second.
    const times = readdirSync(folder).map((thread) => readFileSync(`${folder}/${thread}/schedstat`, 'utf8'));
    return times.reduce((sum, time) => sum + Number.parseInt(time, 10), 0) / 1e9;
  } catch {
    return null;
  }
}

/** Resident memory of a process in bytes; null where there is no /proc. */
export function residentMemory(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
