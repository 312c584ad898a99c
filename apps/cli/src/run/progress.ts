import type { RunObserver } from './execute-notebook.ts';

/** Where progress is shown: standard error. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress extends RunObserver {
  /** One line of its own, above the bar. */
  note(text: string): void;
  /** Leaves the terminal as a shell expects it. */
  end(): void;
}

const BAR_WIDTH = 30;
const CLEAR_LINE = '\r\x1b[K';

/** A bar on a terminal; a line per cell elsewhere, as logs want it. */
export function createProgress(output: ProgressOutput, now: () => number): Progress {
  let total = 0;
  let startedAt = 0;
  let bar = '';
  const draw = (next: string): void => {
    bar = next;
    output.write(CLEAR_LINE + bar.slice(0, Math.max(20, (output.columns ?? 80) - 1)));
  };
  const say = (text: string): void => {
    output.write(bar === '' ? `${text}\n` : `${CLEAR_LINE}${text}\n${bar}`);
  };
  return {
    note: say,
    begin(count) {
      total = count;
    },
    cellBegins({ number, done }) {
      startedAt = now();
      if (output.isTTY === true) draw(`${barText(done, total)} cell ${String(number)}`);
    },
    cellEnds({ number, done, failed }) {
      const seconds = ((now() - startedAt) / 1_000).toFixed(1);
      const outcome = failed ? 'raised an error after' : 'done in';
      if (output.isTTY === true) draw(`${barText(done, total)} cell ${String(number)}`);
      else say(`[${String(done)}/${String(total)}] cell ${String(number)} ${outcome} ${seconds} s`);
    },
    end() {
      if (bar !== '') output.write('\n');
      bar = '';
    },
  };
}

function barText(done: number, total: number): string {
  const filled = total === 0 ? BAR_WIDTH : Math.round((done / total) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(done)}/${String(total)}`;
}
