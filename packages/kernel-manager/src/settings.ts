import { ProvisionerError, noRendezvous, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Clock, KernelSpec, Logger, Rendezvous, TransportEncryption } from '@gateway-provisioners/core';
import { resolveTransportEncryption } from '@gateway-provisioners/wire';
import type { JournalBounds } from './clients/client-hub.ts';
import type { KernelManagerOptions } from './options.ts';

/** The manager's options with every default filled in. */
export interface ManagerSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rendezvous: Rendezvous;
  readonly engine: 'auto' | 'zmtp' | 'zeromq';
  readonly maxMessageBytes: number | undefined;
  readonly transportEncryption: TransportEncryption | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inheritedEnv: readonly string[];
  readonly allowedRequestEnv: readonly string[];
  readonly maxKernels: number;
  readonly maxKernelsPerOwner: number;
  readonly launchTimeoutMs: number;
  readonly shutdownWaitMs: number;
  readonly culling: {
    readonly idleTimeoutMs: number;
    readonly intervalMs: number;
    readonly connected: boolean;
    readonly busy: boolean;
  };
  readonly journal: JournalBounds;
  readonly autoRestart: { readonly limit: number; readonly stableAfterMs: number };
  readonly clientQueueBytes: number;
}

const MIB = 1024 * 1024;

/** Errors: `INVALID_ARGUMENT` for a number that makes no sense. */
export function resolveSettings(options: KernelManagerOptions): ManagerSettings {
  const { limits = {}, culling = {}, journal = {}, autoRestart = {} } = options;
  return {
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    rendezvous: options.rendezvous ?? noRendezvous,
    engine: options.engine ?? 'auto',
    maxMessageBytes: options.maxMessageBytes,
    transportEncryption: options.transportEncryption,
    env: options.env ?? {},
    inheritedEnv: options.inheritedEnv ?? [],
    allowedRequestEnv: options.allowedRequestEnv ?? ['*'],
    maxKernels: amount('limits.maxKernels', limits.maxKernels, Infinity),
    maxKernelsPerOwner: amount('limits.maxKernelsPerOwner', limits.maxKernelsPerOwner, Infinity),
    launchTimeoutMs: positive('launchTimeoutMs', options.launchTimeoutMs, 40_000),
    shutdownWaitMs: amount('shutdownWaitMs', options.shutdownWaitMs, 5_000),
    culling: {
      idleTimeoutMs: amount('culling.idleTimeoutMs', culling.idleTimeoutMs, 0),
      intervalMs: positive('culling.intervalMs', culling.intervalMs, 300_000),
      connected: culling.connected ?? false,
      busy: culling.busy ?? false,
    },
    journal: {
      maxMessages: amount('journal.maxMessages', journal.maxMessages, 100_000),
      maxBytes: amount('journal.maxBytes', journal.maxBytes, 64 * MIB),
      maxAgeMs: amount('journal.maxAgeMs', journal.maxAgeMs, 24 * 60 * 60 * 1_000),
    },
    autoRestart: {
      limit: amount('autoRestart.limit', autoRestart.limit, 5),
      stableAfterMs: amount('autoRestart.stableAfterMs', autoRestart.stableAfterMs, 10_000),
    },
    clientQueueBytes: positive('clientQueueBytes', options.clientQueueBytes, 64 * MIB),
  };
}

/**
 * Whether a kernel's channels are to be encrypted: the policy, reconciled with what its kernelspec declares.
 * Errors: `ENCRYPTION_UNAVAILABLE` when it is required and not declared.
 */
export function encryptionFor(spec: KernelSpec, policy: TransportEncryption | undefined): TransportEncryption {
  const wanted = policy ?? (spec.provisioner.provisionerName === 'local-provisioner' ? 'disabled' : 'auto');
  const supported = spec.metadata['supported_encryption'];
  return resolveTransportEncryption({ policy: wanted, supported, kernelName: spec.name }).encrypt ? wanted : 'disabled';
}

function amount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (value >= 0) return value;
  throw new ProvisionerError('INVALID_ARGUMENT', `${name} must be 0 or more, not ${String(value)}`);
}

function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (value > 0) return value;
  throw new ProvisionerError('INVALID_ARGUMENT', `${name} must be more than 0, not ${String(value)}`);
}
