import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { delay, openDeadline, throwIfAborted } from '../deadline.ts';
import { ProvisionerError } from '../errors.ts';
import type { CallOptions } from '../provisioner.ts';
import { sendSignal } from './process-signals.ts';
import { findMarkedProcesses, systemProcessTable } from './process-table.ts';
import type { ProcessTable } from './process-table.ts';

export interface EndMarkedProcessesOptions extends CallOptions {
  /** The environment variable that marks them, and its value. */
  readonly name: string;
  readonly value: string;
  /** Milliseconds to wait until none is left. Default 10,000. */
  readonly killWaitMs?: number | undefined;
  readonly table?: ProcessTable | undefined;
  readonly clock?: Clock | undefined;
}

const SIGKILL = 9;
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 200;

/**
 * SIGKILL to every process that carries the marker, wherever it has moved, until none is left; for what
 * {@link ProcessGroup.endGroup} cannot reach: descendants in sessions of their own, orphans of an earlier run.
 * Gives their number. Errors: `DEADLINE_EXCEEDED` when some do not end.
 */
export async function endMarkedProcesses(options: EndMarkedProcessesOptions): Promise<number> {
  const { name, value, signal } = options;
  const table = options.table ?? systemProcessTable();
  const clock = options.clock ?? systemClock;
  const timeoutMs = options.killWaitMs ?? 10_000;
  const seen = new Set<string>();
  using deadline = openDeadline({ signal, timeoutMs, clock, what: 'the end of marked processes' });
  for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS)) {
    throwIfAborted(signal);
    const found = await findMarkedProcesses(name, { value, table });
    // This very program may have been started by one of them; ending oneself is not cleaning up.
    const others = found.filter(({ pid }) => pid !== process.pid);
    if (others.length === 0) return seen.size;
    for (const entry of others) {
      seen.add(`${String(entry.pid)} ${entry.startTime}`);
      sendSignal(entry.pid, SIGKILL);
    }
    if (deadline.remainingMs() === 0) {
      const pids = others.map(({ pid }) => String(pid)).join(', ');
      const message = `processes ${pids} are still there ${String(timeoutMs)} ms after SIGKILL`;
      throw new ProvisionerError('DEADLINE_EXCEEDED', message);
    }
    await delay(Math.min(pauseMs, deadline.remainingMs()), { signal, clock });
  }
}
