import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ChannelName, ConnectionInfo } from '@gateway-provisioners/core';
import type { KernelChannelsOptions } from '../kernel-channels-options.ts';
import { createMessage } from '../kernel-message.ts';
import type { KernelMessage } from '../kernel-message.ts';
import { FakeMessagingKernel } from './fake-messaging-kernel.ts';
import type { FakeMessagingKernelOptions, FakeMessagingRequest } from './fake-messaging-kernel.ts';
import { RoutedRecorder } from './routed-recorder.ts';

/** Fake kernels and recorders of what their channels deliver, for tests of channels. */
interface ChannelsBench {
  /** A kernel that answers; with `onMessage`, as that says. */
  readonly bind: (options?: FakeMessagingKernelOptions) => Promise<FakeMessagingKernel>;
  readonly connect: (kernel: FakeMessagingKernel, options?: Partial<KernelChannelsOptions>) => RoutedRecorder;
  /** To a kernel that need not be there. */
  readonly record: (info: ConnectionInfo, options?: Partial<KernelChannelsOptions>) => RoutedRecorder;
  readonly use: <T extends AsyncDisposable>(resource: T) => T;
  /** Closes all that was made since the last call. */
  readonly clear: () => Promise<void>;
}

/** How long a test waits for the answer to a request, at most. */
export const request = { timeoutMs: 60_000 };

export function channelsBench(): ChannelsBench {
  let stack = new ResourceStack();
  const record: ChannelsBench['record'] = (info, options) => stack.use(new RoutedRecorder(info, options));
  return {
    bind: async (options) => stack.use(await FakeMessagingKernel.bind({ onMessage: answering, ...options })),
    connect: (kernel, options) => record(kernel.connection, options),
    record,
    use: (resource) => stack.use(resource),
    clear: async () => {
      const used = stack;
      stack = new ResourceStack();
      await used[Symbol.asyncDispose]();
    },
  };
}

/** On shell and without a session, unless it is said otherwise. */
export function message(
  msgType: string,
  options: { readonly channel?: ChannelName; readonly session?: string; readonly msgId?: string } = {},
): KernelMessage {
  return createMessage({ channel: 'shell', session: '', msgType, ...options });
}

/** The address of a kernel that is not there (yet). */
export function nowhere(): ConnectionInfo {
  const ports = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };
  const ip = join(tmpdir(), `gp-nowhere-${randomUUID()}`);
  return { transport: 'ipc', ip, ...ports, key: 'a-key', signature_scheme: 'hmac-sha256' };
}

/** Answers like a kernel: busy, reply, idle. */
function answering(asked: FakeMessagingRequest, kernel: FakeMessagingKernel): void {
  const { message: parent } = asked;
  kernel.publish('status', { execution_state: 'busy' }, parent);
  asked.reply(parent.header.msg_type.replace('_request', '_reply'), { status: 'ok' });
  kernel.publish('status', { execution_state: 'idle' }, parent);
}
