import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { KernelMessage, RoutedMessage } from '@gateway-provisioners/wire';

/**
 * Kernels that send outputs from several tasks at once, so that `idle` may overtake them (seen with Deno 2.9 and with
 * Apache Toree 0.5, which calls itself `spark`), by the `implementation` of their kernel_info_reply. Clients stop
 * listening to a request at its idle.
 */
const UNORDERED_KERNELS: ReadonlySet<unknown> = new Set(['Deno kernel', 'spark']);

export function sendsOutputAfterIdle(info: Readonly<Record<string, unknown>> | undefined): boolean {
  return UNORDERED_KERNELS.has(info?.['implementation']);
}

/** The output of a request must have been silent for so long before its idle is believed. */
const QUIET_MS = 25;

interface HeldIdle {
  readonly message: RoutedMessage;
  cancel: Cancellation;
}

/** Keeps the `idle` of each request back until its output has come, for kernels that send it too early. */
export class IdleHold {
  readonly #clock: Clock;
  readonly #deliver: (batch: readonly RoutedMessage[]) => void;
  readonly #held = new Map<string, HeldIdle>();

  constructor(clock: Clock, deliver: (batch: readonly RoutedMessage[]) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** What may be delivered now, in order. */
  pass(batch: readonly RoutedMessage[]): readonly RoutedMessage[] {
    const now: RoutedMessage[] = [];
    for (const routed of batch) {
      const { message } = routed;
      const parent = message.parentHeader.msg_id ?? '';
      if (isIdle(message)) {
        this.#held.get(parent)?.cancel();
        this.#held.set(parent, { message: routed, cancel: this.#release(parent) });
        continue;
      }
      now.push(routed);
      const held = this.#held.get(parent);
      if (held === undefined || message.channel !== 'iopub') continue;
      held.cancel();
      held.cancel = this.#release(parent);
    }
    return now;
  }

  /** The kernel has ended: nothing of it is delivered any more. */
  clear(): void {
    for (const { cancel } of this.#held.values()) cancel();
    this.#held.clear();
  }

  #release(parent: string): Cancellation {
    let turn: NodeJS.Immediate | undefined;
    const cancelTimer = this.#clock.schedule(QUIET_MS, () => {
      // After this process was held up its timers run first: output may be there and wait to be read.
      turn = setImmediate(() => {
        const held = this.#held.get(parent);
        this.#held.delete(parent);
        if (held !== undefined) this.#deliver([held.message]);
      });
    });
    return () => {
      cancelTimer();
      clearImmediate(turn);
    };
  }
}

function isIdle(message: KernelMessage): boolean {
  if (message.channel !== 'iopub' || message.header.msg_type !== 'status') return false;
  try {
    return message.parseContent()['execution_state'] === 'idle';
  } catch {
    return false; // Malformed: passed on as it is, for the client to see.
  }
}
