/** ZMTP 3.x frame flags (ZeroMQ RFC 23, "Framing"); the other five bits are reserved and zero. */
export const MORE = 1;
export const LONG = 2;
export const COMMAND = 4;

/** Longest body that a frame with a one-byte length has. */
export const MAX_SHORT_BYTES = 255;
/** Commands carry metadata, subscriptions and heartbeats: none needs more. */
export const MAX_COMMAND_BYTES = 65_536;
