import type {
  KernelProvisioner,
  KernelSpec,
  LaunchProgress,
  Logger,
  ProvisionerError,
} from '@gateway-provisioners/core';
import type { RoutedMessage } from '@gateway-provisioners/wire';
import type { ManagerSettings } from '../settings.ts';
import type { RecordKeeper } from '../store/record-keeper.ts';
import type { OpenChannels } from './channels.ts';

/** Told to whoever speaks for the kernel to its clients. */
export interface KernelLifeListener {
  readonly onMessages: (batch: readonly RoutedMessage[]) => void;
  /** The phase or the reason changed. */
  readonly onChanged: () => void;
  readonly onProgress: (progress: LaunchProgress) => void;
  /** Somebody asked for it, or the kernel died. */
  readonly onRestarting: (cause: 'requested' | 'died') => void;
  /** Messages can be delivered from now on. `isFound`: it was attached to, and what it does is not known. */
  readonly onReachable: (isFound: boolean) => void;
  /** It answered on shell, so that it has nothing else to do; or (`isBusy`) on control alone. */
  readonly onInfo: (isBusy: boolean) => void;
  readonly onDead: (error: ProvisionerError) => void;
  readonly onRemoved: () => void;
  readonly isBusy: () => boolean;
}

export interface KernelLifeOptions {
  readonly kernelSpec: KernelSpec;
  readonly provisioner: KernelProvisioner;
  readonly records: RecordKeeper;
  readonly settings: ManagerSettings;
  readonly logger: Logger;
  readonly openChannels: OpenChannels;
  readonly listener: KernelLifeListener;
}

export interface FirstStart {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly until: 'launched' | 'ready';
}
