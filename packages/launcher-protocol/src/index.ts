/**
 * How the launchers of remote kernels call home, and how they are talked to afterwards.
 * @module
 */
export type { CommOptions } from './comm/comm-options.ts';
export { dialTcp } from './comm/dial.ts';
export { openComm } from './comm/open-comm.ts';
export type { ListenerCounters, RefusalReason } from './listener/counters.ts';
export type { ResponseListenerOptions } from './listener/create-response-listener.ts';
export { createResponseListener } from './listener/create-response-listener.ts';
export { pickLocalAddress } from './listener/local-address.ts';
export type { HttpReply, ResponseListener } from './listener/response-listener.ts';
export type { ResponseListenerConfig } from './listener/settings.ts';
export { configFromEnv, responseListenerSettings } from './listener/settings.ts';
