import type {
  JsonObject,
  KernelSpec,
  ProvisionerDefinition,
  ProvisionerServices,
  Rendezvous,
  ResourceOwner,
} from '@gateway-provisioners/core';
import type { KernelLanguage } from './kernel-language.ts';

/** One check. It passes when `run` resolves; it cleans up after itself either way. */
export interface ConformanceCase {
  /** What a provisioner must do. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

export interface ConformanceOptions {
  /** The provisioner under test. */
  readonly definition: ProvisionerDefinition;
  /** Its settings; default none. */
  readonly config?: JsonObject;
  /** A kernelspec that works with it. */
  readonly kernelSpec: KernelSpec;
  /** How to speak to that kernel. Default: the fake kernel's commands. */
  readonly language?: KernelLanguage;
  /** Environment of the kernels: what they need to run, such as PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** Environment of the host. Default: the kernels'. */
  readonly hostEnv?: Readonly<Record<string, string | undefined>>;
  /** A folder that exists where kernels run. Default: one made on this machine, with an awkward name. */
  readonly cwd?: string;
  /** Overrides of what the provisioner is given; the defaults have a runtime folder of their own per case. */
  readonly services?: (defaults: ProvisionerServices) => ProvisionerServices;
  /** Where launchers call home. Default: none, and asking for it fails. */
  readonly rendezvous?: Rendezvous;
  /** A kernelspec whose program writes `logText` to stderr and ends with `exitCode`. Default: a shell script. */
  readonly exitsAtOnce?: { readonly kernelSpec: KernelSpec; readonly exitCode: number; readonly logText: string };
  /** A kernelspec whose program lives but never becomes a kernel. Default: `sleep`, run by a shell. */
  readonly neverReady?: KernelSpec;
  /**
   * What exists of that owner in the backend beyond what {@link KernelProvisioner.list} tells: names for the failure's
   * text. Default: paths in the runtime folder that carry the kernel's id.
   */
  readonly leftovers?: (owner: ResourceOwner, services: ProvisionerServices) => Promise<readonly string[]>;
  /** How many kernels are launched at once. Default 10. */
  readonly concurrency?: number;
  /** Until a kernel that works must answer, in milliseconds. Default 30,000. */
  readonly launchTimeoutMs?: number;
  /** What a launch that never becomes ready is given, in milliseconds. Default 2,000. */
  readonly hopelessTimeoutMs?: number;
  /** Bound of one case, in milliseconds. Default 120,000. */
  readonly caseTimeoutMs?: number;
}
