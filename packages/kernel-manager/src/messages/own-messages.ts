import type { Buffer } from 'node:buffer';
import type { JsonObject } from '@gateway-provisioners/core';
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
  const text = `${String(messages)} messages (${String(bytes)} bytes) were dropped here: this client did not read them in time`;
  return marker(text, { ...dropped, facts: { dropped_messages: messages, dropped_bytes: bytes } });
}

export interface ConnectionLoss {
  readonly lostMs: number;
  /** Header of the request that the kernel worked on. */
  readonly parentHeader: Buffer;
  readonly session: string;
}

/** Stands in all clients' streams where the connection to the kernel was lost and made anew. */
export function gapMarker(loss: ConnectionLoss): KernelMessage {
  const seconds = (loss.lostMs / 1000).toFixed(1);
  const text = `the connection to the kernel was lost for ${seconds} s: what it wrote meanwhile is missing here`;
  return marker(text, { ...loss, facts: { connection_lost_ms: loss.lostMs } });
}

function marker(
  text: string,
  about: { readonly facts: JsonObject; readonly parentHeader: Buffer; readonly session: string },
): KernelMessage {
  const notice = createMessage({
    channel: 'iopub',
    msgType: 'stream',
    session: about.session,
    content: { name: 'stderr', text: `\n[${text}]\n` },
    metadata: { [METADATA_KEY]: about.facts },
  });
  return new KernelMessage({ channel: 'iopub', parts: { ...notice.parts, parentHeader: about.parentHeader } });
}
