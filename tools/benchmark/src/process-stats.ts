import { readFile, readdir, writeFile } from 'node:fs/promises';

export interface ProcessStats {
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** Without pages of files, which the system takes back from an idle process as it likes. */
  readonly anonymousBytes: number;
  readonly openFiles: number;
  readonly cpuMs: number;
  /** How long its main thread was ready to run and had no processor. */
  readonly waitedMs: number;
}

// Linux reports CPU time in clock ticks; 100 a second on every architecture that Node runs on.
const MS_PER_TICK = 10;

/** What the operating system says of a process; Linux only. */
export async function processStats(pid: number): Promise<ProcessStats> {
  const [status, stat, schedule, files] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
    // Nanoseconds run, nanoseconds waited, number of slices.
    readFile(`/proc/${pid}/schedstat`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
  ]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rssBytes: kilobytes(status, 'VmRSS'),
    peakRssBytes: kilobytes(status, 'VmHWM'),
    anonymousBytes: kilobytes(status, 'RssAnon'),
    openFiles: files.length,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    waitedMs: Number(schedule.split(' ')[1]) / 1e6,
  };
}

/** Makes {@link ProcessStats.peakRssBytes} start anew from the present size. */
export async function resetPeakRss(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
}
