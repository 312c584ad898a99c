import type { Clock, DialComm } from '@gateway-provisioners/core';

export interface CommOptions {
  /** How the listener is reached. Default: TCP to the state's host and port. */
  readonly dial?: DialComm | undefined;
  /** For one request with its reply, waiting for one's turn not included. Default 5 seconds. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export const DEFAULT_COMM_TIMEOUT_MS = 5000;
