/** Why the gateway closes a kernel's WebSocket. Codes from 4000 on are ours; the rest are RFC 6455's. */
export interface CloseReason {
  readonly code: number;
  readonly text: string;
  /** Whether what the client has not read yet is still sent. */
  readonly keepOutput?: boolean;
}

type ReasonName =
  'kernelEnded' | 'gatewayStopping' | 'closed' | 'internal' | 'overflow' | 'stalled' | 'noPong' | 'replaced';

export const closeReasons: Readonly<Record<ReasonName, CloseReason>> = {
  kernelEnded: { code: 1000, text: 'the kernel has ended', keepOutput: true },
  gatewayStopping: { code: 1001, text: 'the gateway is stopping', keepOutput: true },
  closed: { code: 1001, text: 'the gateway has closed the connection' },
  internal: { code: 1011, text: 'internal error' },
  overflow: { code: 1013, text: 'too slow: more is waiting than may be kept' },
  stalled: { code: 1013, text: 'too slow: nothing was read for too long' },
  noPong: { code: 4408, text: 'no answer to pings' },
  replaced: { code: 4409, text: 'another connection took over this session_id' },
};

/** A message in the wrong kind of frame is 1003, one whose contents break the framing's rules 1007. */
export function malformed(wrongKind: boolean, rule: string): CloseReason {
  return { code: wrongKind ? 1003 : 1007, text: rule };
}

export function tooLarge(maxBytes: number): CloseReason {
  return {
    code: 1009,
    text: `message larger than ${maxBytes} bytes, the gateway's max_message_size`,
    keepOutput: true,
  };
}

const MAX_REASON_BYTES = 123;

/** A reason as a close frame can carry it: at most 123 bytes, whole characters. */
export function closeText(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_REASON_BYTES) return text;
  let end = MAX_REASON_BYTES - 3;
  // Not in the middle of a UTF-8 sequence.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}
