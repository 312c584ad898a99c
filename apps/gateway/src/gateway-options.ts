import type { ServerOptions } from 'node:https';
import type { Clock, Logger } from '@gateway-provisioners/core';
import type { KernelManager, LazyRendezvous } from '@gateway-provisioners/kernel-manager';
import type { KernelSpecs } from '@gateway-provisioners/kernelspec';
import type { Authenticator } from './auth/authenticator.ts';
import type { OriginOptions } from './http/origin-policy.ts';

/** The part of a kernel manager that the gateway uses. */
export type GatewayKernels = Pick<KernelManager, 'start' | 'get' | 'images' | 'list' | 'subscribe'>;

/** The part of the kernelspecs that the gateway uses. */
export type GatewayKernelSpecs = Pick<KernelSpecs, 'find' | 'list' | 'defaultName' | 'resources' | 'resourceFile'>;

/** Takes answers of launchers that come through the gateway's own port. */
export type LauncherAnswers = Pick<LazyRendezvous, 'handleHttp'>;

export interface WebSocketOptions {
  /** Milliseconds between pings; 0 for none. Default 30,000. */
  readonly pingIntervalMs?: number | undefined;
  /** Largest message from a client, in bytes. Default 64 MiB, what may wait to be sent to a kernel. */
  readonly maxMessageBytes?: number | undefined;
  /** A client is not given more while this many bytes wait in its socket. Default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** A client that takes nothing for this long is disconnected, in milliseconds. Default 600,000. */
  readonly stallTimeoutMs?: number | undefined;
  /** permessage-deflate for clients that offer it. Default false: it costs more time than it saves near the kernel. */
  readonly compression?: boolean | undefined;
  /** Patience with a client that does not answer a close frame, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number | undefined;
}

export interface GatewayOptions {
  readonly kernels: GatewayKernels;
  readonly kernelspecs: GatewayKernelSpecs;
  readonly authenticator: Authenticator;
  /** Default: none, and the route for them refuses all. */
  readonly launcherAnswers?: LauncherAnswers | undefined;
  /** Prefix of all routes but the probes; default `/`. */
  readonly baseUrl?: string | undefined;
  /** Host names that are answered without authentication, besides loopback ones. Default none. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly origin?: OriginOptions | undefined;
  /** Requests that concern kernels wait for it: the recovery of those of an earlier run. Default: resolved. */
  readonly ready?: Promise<unknown> | undefined;
  /** Whether `GET /api/kernels` and `GET /api/sessions` list anything; 403 when not. Default true. */
  readonly listKernels?: boolean | undefined;
  /** Names of variables beyond `KERNEL_*` that a request may set; `*` for all. Others are dropped. Default none. */
  readonly clientEnvs?: readonly string[] | undefined;
  /** Absolute path of the folder that `path` of a request starts from. Default: none, and relative paths are refused. */
  readonly rootDir?: string | undefined;
  /** Answer a start or restart when the kernel answers, rather than when it has been created. Default false. */
  readonly waitUntilReady?: boolean | undefined;
  /** Upper bound of `KERNEL_LAUNCH_TIMEOUT`, in milliseconds; more is cut. Default 3,600,000. */
  readonly maxLaunchTimeoutMs?: number | undefined;
  /** Largest request body, in bytes. Default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Believe `X-Forwarded-For` about the address of a client, which only shows in the log. Default false. */
  readonly trustProxy?: boolean | undefined;
  readonly websocket?: WebSocketOptions | undefined;
  readonly tls?: ServerOptions | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}
