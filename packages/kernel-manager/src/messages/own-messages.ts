import type { Buffer } from 'node:buffer';
import { KernelMessage, createMessage } from '@gateway-provisioners/wire';
import type { ExecutionState } from '../types.ts';

const METADATA_KEY = 'gateway_provisioners';

/** An iopub status of the manager's own. `session` is the kernel's: clients drop what is of another session. */
export function statusMessage(state: ExecutionState, session: string): KernelMessage {
  return createMessage({ channel: 'iopub', msgType: 'status', content: { execution_state: state }, session });
}

/** Text that the user sees where a cell's stderr goes. */
export function stderrMessage(text: string, session: string): KernelMessage {
  return createMessage({ channel: 'iopub', msgType: 'stream', content: { name: 'stderr', text }, session });
}

export interface DroppedOutput {
  readonly messages: number;
  readonly bytes: number;
  /** Header of the request whose output was the first to be dropped, so that the notice shows under its cell. */
  readonly parentHeader: Buffer;
  readonly session: string;
}

/** Stands in a client's stream where output was dropped for it. */
export function droppedMarker(dropped: DroppedOutput): KernelMessage {
  const { messages, bytes } = dropped;
  const notice = createMessage({
    channel: 'iopub',
    msgType: 'stream',
    session: dropped.session,
    content: {
      name: 'stderr',
      text: `\n[${String(messages)} messages (${String(bytes)} bytes) were dropped here: this client did not read them in time]\n`,
    },
    metadata: { [METADATA_KEY]: { dropped_messages: messages, dropped_bytes: bytes } },
  });
  return new KernelMessage({
    channel: 'iopub',
    parts: { ...notice.parts, parentHeader: dropped.parentHeader },
  });
}
