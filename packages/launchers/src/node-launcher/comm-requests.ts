import { MAX_LOG_BYTES } from './log-tail.ts';
import { openSealedLine } from './sealed-line.ts';
import type { Fields } from './sealed-line.ts';
import { CAPABILITIES } from './answer-v2.ts';

/** What the comm channel can have done. */
export interface CommTarget {
  readonly pid: number;
  readonly interruptMode: 'signal' | 'message';
  exit(): object | undefined;
  logTail(maxBytes: number): string;
  /** False when the kernel has ended. Throws what the system says. */
  signal(signum: number): boolean;
  /** Undefined without a lease. */
  renewLease(): number | undefined;
}

/** What binds a request to its kernel, its connection and its place there. */
export interface Binding {
  readonly kernelId: string;
  readonly challenge: string;
  readonly seq: number;
}

/** The content of a request; undefined when it is not authentic, or belongs elsewhere. */
export function openRequest(line: string, binding: Binding, key: Uint8Array): Fields | undefined {
  const fields = openSealedLine(line, key);
  const belongs =
    fields?.['to'] === 'launcher' &&
    fields['kernel_id'] === binding.kernelId &&
    fields['challenge'] === binding.challenge &&
    fields['seq'] === binding.seq;
  return belongs ? fields : undefined;
}

export function replyTo(binding: Binding, reply: object): object {
  const { kernelId, challenge, seq } = binding;
  return { to: 'gateway', kernel_id: kernelId, challenge, seq, ...reply };
}

/** Does what an authentic request asks for. `shutdown` is only acknowledged: its reply has to be written first. */
export function handleRequest(fields: Fields, target: CommTarget): object {
  const { request } = fields as { readonly request?: unknown };
  const exit = target.exit();
  const state = { ok: true, alive: exit === undefined, pid: target.pid, ...(exit === undefined ? {} : { exit }) };
  switch (request) {
    case 'ping':
      return { ok: true, alive: state.alive, pid: state.pid };
    case 'status': {
      const maxBytes = fields['max_log_bytes'] ?? MAX_LOG_BYTES;
      if (!isWhole(maxBytes)) return failure('bad_request', 'max_log_bytes must be a whole number');
      return { ...state, log_tail: target.logTail(Math.min(maxBytes, MAX_LOG_BYTES)) };
    }
    case 'signal':
      return handleSignal(fields['signum'], target);
    case 'renew':
      return { ok: true, lease_seconds: target.renewLease() ?? 0 };
    case 'shutdown':
      return { ok: true };
    default:
      return failure('unsupported', `the requests are ${CAPABILITIES.join(', ')}`);
  }
}

function handleSignal(signum: unknown, target: CommTarget): object {
  if (!isWhole(signum) || signum > 64) return failure('bad_request', 'signum must be a whole number from 0 to 64');
  if (target.exit() !== undefined) return failure('no_kernel', 'the kernel has ended');
  if (signum === 2 && target.interruptMode === 'message') {
    return failure('unsupported', 'this kernel is interrupted by an interrupt_request on its control channel');
  }
  try {
    return target.signal(signum) ? { ok: true } : failure('no_kernel', 'the kernel has ended');
  } catch (error) {
    return failure('failed', error instanceof Error ? error.message : String(error));
  }
}

function failure(error: string, message: string): object {
  return { ok: false, error, message };
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
