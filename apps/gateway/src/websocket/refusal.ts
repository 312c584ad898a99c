import type { ErrorCode, JsonObject } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';

/**
 * What a client is sent when the gateway does not pass on its request: an `error` on iopub, which a notebook shows
 * below the cell, between `busy` and `idle`, and the reply that the request waits for.
 */
export function refusalOf(request: KernelMessage, code: ErrorCode, text: string): readonly KernelMessage[] {
  const { session, msg_type: requestType } = request.header;
  const error = { ename: `Gateway${code}`, evalue: text, traceback: [`Not sent to the kernel: ${text}`] };
  const make = (channel: KernelMessage['channel'], msgType: string, content: JsonObject): KernelMessage =>
    createMessage({ channel, msgType, content, session, parent: request });
  const isRequest = requestType.endsWith('_request');
  return [
    make('iopub', 'status', { execution_state: 'busy' }),
    make('iopub', 'error', error),
    ...(isRequest
      ? [make(request.channel, requestType.replace(/_request$/, '_reply'), { status: 'error', ...error })]
      : []),
    make('iopub', 'status', { execution_state: 'idle' }),
  ];
}
