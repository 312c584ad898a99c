import type { Clock, Logger } from '@gateway-provisioners/core';
import type { GatewayKernels, GatewayKernelSpecs, LauncherAnswers } from './gateway-options.ts';
import type { WorkTracker } from './http/work-tracker.ts';
import type { KernelAccess } from './kernels/kernel-access.ts';
import type { StartRequestRules } from './kernels/start-request.ts';
import type { SessionRegistry } from './sessions/session-registry.ts';
import type { KernelSockets } from './websocket/kernel-sockets.ts';

/** What the routes share. */
export interface GatewayContext {
  readonly kernels: GatewayKernels;
  readonly access: KernelAccess;
  readonly kernelspecs: GatewayKernelSpecs;
  readonly launcherAnswers: LauncherAnswers | undefined;
  readonly sessions: SessionRegistry;
  readonly sockets: KernelSockets;
  readonly work: WorkTracker;
  /** Begins and ends with a slash. */
  readonly baseUrl: string;
  readonly listKernels: boolean;
  readonly startRules: StartRequestRules;
  /** When the gateway was built, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly isReady: () => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}
