import { delay } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import type { Channels } from './channels.ts';
import { Gate } from './gate.ts';

const FIRST_RETRY_MS = 500;
/** How long each request is waited for: one that was sent before the kernel listened may be answered late or never. */
const REQUEST_MS = 24 * 60 * 60 * 1_000;
/** A kernel that starts has taken the request a few milliseconds before the subscription: each wait is launch latency. */
const FIRST_OUTPUT_RETRY_MS = 20;
const OUTPUT_RETRY_MS = 200;
/** A kernel that answers but never publishes anything is taken as it is. */
const OUTPUT_PATIENCE_MS = 3_000;

export interface HandshakeOptions {
  readonly channels: Channels;
  /** Of the manager's own requests. */
  readonly session: string;
  /** Settles with the first message on iopub: until then, output may be published to nobody. */
  readonly outputFlows: Gate<undefined>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The request is repeated at growing intervals up to this one: a kernel at work finds them all when it is done. */
  readonly lastRetryMs: number;
}

/**
 * Asks for `kernel_info` until the kernel answers, then makes sure that its output reaches us: a subscription travels
 * on another connection than the request, and may be later. Returns the content of the reply. Ends with the signal.
 */
export async function handshake(options: HandshakeOptions): Promise<Readonly<Record<string, unknown>>> {
  const reply = await askKernelInfo(options);
  await waitForOutput(options);
  return reply.parseContent();
}

/** The first `kernel_info_reply` to any of our requests, however long it takes. Ends with the signal. */
export async function askKernelInfo(options: HandshakeOptions): Promise<KernelMessage> {
  const { clock } = options;
  using scope = endingRequests(options.signal);
  const answer = new Gate<KernelMessage>();
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, options.lastRetryMs)) {
    const failed = new Gate<undefined>();
    requestKernelInfo(options, scope.signal).then(
      (reply) => {
        answer.open(reply);
      },
      () => {
        failed.open(undefined);
      },
    );
    await Promise.race([answer.promise, failed.promise, delay(retryMs, { clock, signal: scope.signal })]);
    if (answer.isSettled) return await answer.promise;
    if (!failed.isSettled) continue;
    // The connection was lost or made anew, and what was asked before with it.
    await delay(FIRST_RETRY_MS, { clock, signal: scope.signal });
    retryMs = FIRST_RETRY_MS;
  }
}

async function waitForOutput(options: HandshakeOptions): Promise<void> {
  const { clock, outputFlows } = options;
  using scope = endingRequests(options.signal);
  let retryMs = FIRST_OUTPUT_RETRY_MS;
  for (let waitedMs = 0; waitedMs < OUTPUT_PATIENCE_MS; waitedMs += retryMs) {
    if (waitedMs > 0) retryMs = Math.min(2 * retryMs, OUTPUT_RETRY_MS);
    await Promise.race([outputFlows.promise, delay(retryMs, { clock, signal: scope.signal })]);
    if (outputFlows.isSettled) return;
    requestKernelInfo(options, scope.signal).catch(() => undefined);
  }
}

async function requestKernelInfo(options: HandshakeOptions, signal: AbortSignal): Promise<KernelMessage> {
  const request = createMessage({ channel: 'shell', msgType: 'kernel_info_request', session: options.session });
  return await options.channels.request(request, { timeoutMs: REQUEST_MS, signal });
}

/** Aborts with its parent, and when it is disposed of: nothing of ours stays waiting after the answer. */
function endingRequests(parent: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onAbort = (): void => {
    controller.abort(parent.reason);
  };
  if (parent.aborted) onAbort();
  else parent.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      parent.removeEventListener('abort', onAbort);
      controller.abort();
    },
  };
}
